"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nunbit.cli.invocation import invocation_of


def _remember_debug(context: typer.Context, value: bool) -> bool:
    if value:
        invocation_of(context).debug = True
    return value


def _show_version(value: bool) -> None:
    if value:
        from nunbit import __version__

        typer.echo(f"nunbit {__version__}")
        raise typer.Exit


_DATA = typer.Argument(
    metavar="DATA",
    show_default=False,
    help="The labelled images: a folder, a table, a file of arrays, or a known name.",
)
Data = Annotated[str, _DATA]
OptionalData = Annotated[str | None, _DATA]
Run = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", show_default=False, help="The folder of a run, of a model or of an export."
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", show_default=False, help="Seed of all random choices."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        show_default=False,
        help="Any setting of the configuration; may be repeated.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print every detail, and a line for each epoch.")
]
Debug = Annotated[
    bool,
    typer.Option("--debug", callback=_remember_debug, help="Show the traceback of an error."),
]
Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
    ),
]
