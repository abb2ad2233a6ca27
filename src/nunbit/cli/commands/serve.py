"""`nunbit serve`: a model behind HTTP, and a page for people."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from nunbit.cli.options import Debug, Run


def serve(
    run: Run,
    *,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen on; any but this computer's own needs a token.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")
    ] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="SECRET",
            envvar="NUNBIT_TOKEN",
            show_envvar=True,
            show_default=False,
            help="Callers must send it; better set as an environment variable, for other users of "
            "the computer see command lines.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", show_default=False, help="Of the model; its folder's name."
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            show_default=False,
            help="A further name by which callers reach the server, such as a proxy's; may be "
            "repeated.",
        ),
    ] = None,
    max_mebibytes: Annotated[
        int, typer.Option("--max-mebibytes", metavar="N", min=1, help="Of one request.")
    ] = 64,
    max_files: Annotated[
        int, typer.Option("--max-files", metavar="N", min=1, help="Pictures in one request.")
    ] = 64,
    max_pixels: Annotated[
        int, typer.Option("--max-pixels", metavar="N", min=1, help="Of one picture.")
    ] = 25_000_000,
    max_waiting: Annotated[
        int, typer.Option("--max-waiting", metavar="N", min=1, help="Pictures in work at a time.")
    ] = 256,
    max_seconds: Annotated[
        float, typer.Option("--max-seconds", metavar="S", min=0.1, help="For one request.")
    ] = 30.0,
    log: Annotated[
        Literal["plain", "json", "none"],
        typer.Option("--log", help="What is written to stderr, a line for each request."),
    ] = "plain",
    debug: Debug = False,
) -> None:
    """Serve a model over HTTP until Ctrl-C or SIGTERM, with a page for people at its address."""
    from nunbit.serve.settings import Access, Limits, check_access, check_name

    access = Access(host=host, port=port, token=token or None, names=tuple(allow_host or ()))
    check_access(access)
    if name is not None:
        check_name(name)

    from nunbit.extras import extras_named

    with extras_named():
        from nunbit.serve.run import serve as run_server
    from nunbit.serve.log import Log

    limits = Limits(
        body_bytes=max_mebibytes << 20,
        buffered_bytes=max(4 * max_mebibytes, 256) << 20,
        files=max_files,
        pixels=max_pixels,
        waiting=max(max_waiting, max_files),
        seconds=max_seconds,
    )
    run_server(run, name=name, access=access, limits=limits, log=Log(log))
