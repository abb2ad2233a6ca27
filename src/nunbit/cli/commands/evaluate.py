"""`nunbit evaluate`: numbers and report for a run, on its own test part or on other data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nunbit.cli.data_options import NOTHING_SAID, DataOptions, reads_data
from nunbit.cli.options import Debug, Quiet, Run
from nunbit.cli.settings import given_settings
from nunbit.errors import UsageError
from nunbit.formatting import percentage


@reads_data
def evaluate(
    run: Run,
    *,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            show_default=False,
            help="Other labelled images; the run's own test part otherwise.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", show_default=False, help="New folder for numbers and report."
        ),
    ] = None,
    checkpoints: Annotated[
        Literal["validation", "test"] | None,
        typer.Option(
            "--checkpoints",
            metavar="PART",
            show_default=False,
            help="Only a table: every saved epoch of RUN on its validation or test part.",
        ),
    ] = None,
    reading: DataOptions = NOTHING_SAID,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Evaluate a run, a model or an export again, into a new folder; RUN stays as it is."""
    if checkpoints is not None:
        if data is not None or out is not None or reading != NOTHING_SAID:
            raise UsageError("--checkpoints writes nothing and uses the run's own images")
        _print_checkpoints(run, checkpoints, quiet=quiet)
        return
    from nunbit.cli.display import display_on
    from nunbit.cli.results import print_run
    from nunbit.cli.terminal import stderr_console, stdout_console

    progress = display_on(stderr_console(), quiet=quiet)
    settings = given_settings(reading.settings())
    folder, summary = _evaluate(run, data=data, reading=settings, out=out, progress=progress)
    if not quiet:
        print_run(stdout_console(), folder, summary)


def _evaluate(run: Path, **options: Any) -> tuple[Path, Mapping[str, Any]]:
    """The new folder and its summary; of an exported model without importing torch."""
    from nunbit.runtime.exported import is_export

    if is_export(run):
        from nunbit.pipelines.evaluation.exported import evaluate_export

        exported = evaluate_export(run, **options)
        return exported.folder, exported.summary
    from nunbit.pipelines.evaluate import evaluate_run

    result = evaluate_run(run, **options)
    return result.folder, result.summary


def _print_checkpoints(run: Path, part: Literal["validation", "test"], *, quiet: bool) -> None:
    from rich.table import Table

    from nunbit.cli.display import display_on
    from nunbit.cli.terminal import printable, stderr_console, stdout_console
    from nunbit.pipelines.evaluation.checkpoints import evaluate_checkpoints

    progress = display_on(stderr_console(), quiet=quiet)
    table = Table(box=None, pad_edge=False)
    for heading in ("checkpoint", "epoch", "images", "accuracy", "95 %", "loss"):
        left = heading == "checkpoint"
        table.add_column(heading, justify="left" if left else "right", overflow="fold")
    for found in evaluate_checkpoints(run, part=part, progress=progress):
        low, high = found.accuracy_ci95
        table.add_row(
            printable(found.name),
            str(found.epoch),
            f"{found.n:,}",
            percentage(found.accuracy, 2),
            f"{percentage(low)} to {percentage(high)}",
            f"{found.loss:.4f}",
        )
    console = stdout_console()
    console.print(table)
    if part == "test":
        console.print("Choose by validation: the best of many test results is biased upwards.")
