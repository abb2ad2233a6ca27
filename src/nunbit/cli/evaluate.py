"""`nunbit evaluate`: numbers and report for a run, on its own test part or on other data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nunbit.cli.options import Debug, Quiet, Run


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
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Evaluate a run or a model again; writes into a new folder, never into the run."""
    from nunbit.cli.display import display_on
    from nunbit.cli.results import print_run
    from nunbit.cli.terminal import stdout_console
    from nunbit.run.reevaluate import evaluate_run

    console = stdout_console()
    progress = display_on(console, quiet=quiet)
    result = evaluate_run(run, data=data, out=out, progress=progress)
    if not quiet:
        print_run(console, result.folder, result.summary)
