"""`nunbit compare`: whether one run is really better than another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nunbit.cli.invocation import invocation_of
from nunbit.cli.options import Debug, Quiet
from nunbit.cli.outputs import check_new_file
from nunbit.files import write_new_file

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nunbit.evaluation.comparison.values import Comparison


def compare(
    context: typer.Context,
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            show_default=False,
            help="Two or more folders of runs, or of what nunbit evaluate wrote; all are compared "
            "with the first. Runs that differ in their seed only are summarised.",
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="PAGE",
            show_default=False,
            help="New HTML file with charts, and with the images that only one of two gets right.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as JSON on stdout.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare runs on the same test images: what is better, by how much, and at what cost."""
    check_new_file(out, option="--out")

    from nunbit.cli.display import display_on
    from nunbit.cli.terminal import stderr_console, stdout_console
    from nunbit.pipelines.compare import compare_runs, read_runs

    progress = display_on(stderr_console(), quiet=quiet)
    read = read_runs(runs, progress=progress)
    comparison = compare_runs(read, progress=progress)
    if out is not None:
        from nunbit.pipelines.comparison.page import comparison_page

        command = invocation_of(context).command
        page = comparison_page(comparison, read, command=command, progress=progress)
        write_new_file(out, page)
    console = stdout_console()
    if as_json:
        text = json.dumps(comparison.to_dict(), indent=2, ensure_ascii=False)
        console.out(text.encode("utf-8", "replace").decode(), highlight=False)
    elif not quiet:
        print_comparison(console, comparison, out)


def print_comparison(console: Console, comparison: Comparison, out: Path | None) -> None:
    """Print the runs as a table, and the verdicts."""
    from rich.text import Text

    from nunbit.cli.terminal import printable

    console.print(_runs_table(comparison))
    console.print()
    for number, verdict in enumerate(comparison.verdicts):
        console.print(Text(printable(verdict), "" if number else "bold"), soft_wrap=True)
    if not comparison.same_images:
        console.print(
            "The runs were tested on different images, so only the spread over seeds is compared.",
            soft_wrap=True,
        )
    for note in comparison.notes:
        console.print(Text(printable(note)), soft_wrap=True)
    if out is not None:
        console.print(Text(f"page: {printable(str(out))}"), soft_wrap=True)


def _runs_table(comparison: Comparison) -> Table:
    from rich.table import Table
    from rich.text import Text

    from nunbit.cli.terminal import printable
    from nunbit.formatting import percent_with_range
    from nunbit.reports.comparison.cost import cost_of

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("right", justify="right")
    for name in ("accuracy (95 %)", "parameters", "model", "images/s", "training"):
        table.add_column(name, justify="right")
    for row in comparison.runs:
        cost = cost_of(row)
        cells = (
            f"{row.correct:,} of {row.n:,}",
            percent_with_range(row.accuracy, row.accuracy_ci95),
            cost.parameters,
            cost.size,
            cost.speed,
            cost.training,
        )
        table.add_row(Text(printable(row.name)), *cells)
    return table
