"""`nunbit export`: a model for other runtimes, proven equal on raw files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nunbit.cli.options import Debug, Quiet, Run
from nunbit.cli.outputs import check_not_existing
from nunbit.errors import UsageError

if TYPE_CHECKING:
    from nunbit.export.parity import Parity
    from nunbit.pipelines.export import ExportResult
    from nunbit.pipelines.exporting.other_targets import OtherExport


def export(
    run: Run,
    *,
    to: Annotated[
        Literal["onnx", "web", "hub", "torch"],
        typer.Option(
            "--to",
            help="What to write: onnx, a folder for onnxruntime; web, a page for any file server; "
            "hub, what timm and transformers load; torch, a program of torch (.pt2).",
        ),
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            show_default=False,
            help="New folder; otherwise beside RUN, its name with - and what is written.",
        ),
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            "--runtime",
            metavar="DIR",
            show_default=False,
            help="With --to web: an unpacked onnxruntime-web of npm; otherwise npm is asked, once.",
        ),
    ] = None,
    quantize: Annotated[
        Literal["int8"] | None,
        typer.Option(
            "--quantize",
            show_default=False,
            help="With --to onnx: 8 bits, calibrated on training images.",
        ),
    ] = None,
    min_agreement: Annotated[
        float,
        typer.Option(
            "--min-agreement",
            metavar="FRACTION",
            min=0,
            max=1,
            help="With --quantize: no folder where fewer validation images keep their class.",
        ),
    ] = 0.98,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Export a model, and compare its answers with nunbit's on raw files.

    Exit code 1, and no folder, when an answer differs.
    """
    if runtime is not None and to != "web":
        raise UsageError("--runtime is for --to web", remedy="add --to web, or leave it out")
    if quantize is not None and to != "onnx":
        raise UsageError("--quantize is for --to onnx", remedy="leave one of them out")
    check_not_existing(out, option="--out")

    from nunbit.cli.display import display_on
    from nunbit.cli.terminal import stderr_console

    progress = display_on(stderr_console(), quiet=quiet)
    if to in ("hub", "torch"):
        from nunbit.pipelines.exporting.other_targets import export_hub, export_torch

        other = (export_hub if to == "hub" else export_torch)(run, out=out, progress=progress)
        if not quiet:
            _print_other(other)
        return
    from nunbit.pipelines.export import export_onnx, export_web

    if to == "web":
        result = export_web(run, out=out, runtime=runtime, progress=progress)
    else:
        lowest = None if quantize is None else min_agreement
        result = export_onnx(run, out=out, min_agreement=lowest, progress=progress)
    if not quiet:
        _print_result(result, to)


def _print_other(result: OtherExport) -> None:
    """Print the parity where there is one, what is to be known of the folder, and its place."""
    from nunbit.cli.terminal import printable, stdout_console

    console = stdout_console()
    if result.parity:
        _print_parity(result.parity)
    for line in (*(f"note: {remark}" for remark in result.remarks), f"folder: {result.folder}"):
        console.print(printable(line), soft_wrap=True, markup=False, highlight=False)


def _print_parity(results: Sequence[Parity]) -> None:
    from rich.table import Table

    from nunbit.cli.terminal import stdout_console

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("way", "files", "canvases equal", "answers equal", "greatest difference"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for parity in results:
        answered = parity.files - parity.unusable
        numbers = (answered, parity.canvases_equal, parity.labels_equal)
        cells = (f"{number:,}" for number in numbers)
        table.add_row(parity.engine, *cells, f"{parity.greatest_difference:.1e}")
    stdout_console().print(table)


def _print_result(result: ExportResult, to: str) -> None:
    """Print the parity of every way, and how the folder is used."""
    from nunbit.cli.terminal import printable, stdout_console

    console = stdout_console()
    _print_parity(result.parity)
    for line in () if result.quantized is None else result.quantized.lines():
        console.print(line, soft_wrap=True, highlight=False)
    folder = printable(str(result.folder))
    use = f"nunbit predict {folder} FILE..."
    if to == "web":
        full = result.full_decoding
        answered = full.files - full.unusable
        if full.canvases_equal < answered:
            console.print(
                f"Browsers decode JPEG in full, nunbit reduced: {full.labels_equal:,} of "
                f"{answered:,} answers are equal, probabilities differ by up to "
                f"{full.greatest_difference:.2g}.",
                soft_wrap=True,
            )
        use = f"python -m http.server --directory {folder}"
    console.print(f"model.onnx: {result.bytes / 1e6:.1f} MB. Use it: {use}", soft_wrap=True)
