"""`nunbit export`: a model for other runtimes, proven equal on raw files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nunbit.cli.options import Debug, Quiet, Run
from nunbit.cli.outputs import check_not_existing


def export(
    run: Run,
    *,
    to: Annotated[
        Literal["onnx"], typer.Option("--to", help="What to write: onnx, a folder for onnxruntime.")
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            show_default=False,
            help="New folder; otherwise beside RUN, its name with -onnx.",
        ),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Export a model, and compare its answers with nunbit's on raw files.

    Exit code 1, and no folder, when an answer differs.
    """
    check_not_existing(out, option="--out")

    from nunbit.cli.display import display_on
    from nunbit.cli.terminal import stderr_console, stdout_console
    from nunbit.pipelines.export import export_onnx

    result = export_onnx(run, out=out, progress=display_on(stderr_console(), quiet=quiet))
    if quiet:
        return
    from rich.table import Table

    from nunbit.cli.terminal import printable

    console = stdout_console()
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("way", "files", "canvases equal", "answers equal", "greatest difference"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for parity in result.parity:
        answered = parity.files - parity.unusable
        numbers = (answered, parity.canvases_equal, parity.labels_equal)
        cells = (f"{number:,}" for number in numbers)
        table.add_row(parity.engine, *cells, f"{parity.greatest_difference:.1e}")
    console.print(table)
    console.print(
        f"model.onnx: {result.bytes / 1e6:.1f} MB. Use it: "
        f"nunbit predict {printable(str(result.folder))} FILE...",
        soft_wrap=True,
    )
