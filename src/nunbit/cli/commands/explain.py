"""`nunbit explain`: pictures and a page of what a model looks at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nunbit.cli.invocation import invocation_of
from nunbit.cli.options import Debug, Quiet, Run, Seed

if TYPE_CHECKING:
    from rich.table import Table

    from nunbit.pipelines.explain import Explained

MAX_IMAGES = 12


def explain(
    context: typer.Context,
    run: Run,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH", show_default=False, help="Image files, folders of them, or globs."
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            show_default=False,
            help="New folder for page and pictures; RUN-explanation if not given.",
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer",
            metavar="NAME",
            show_default=False,
            help="Show the feature maps of this layer, and its filters; may be repeated. "
            "`nunbit summary` lists the layers of a model.",
        ),
    ] = None,
    stages: Annotated[
        bool,
        typer.Option(
            "--stages",
            help="Show early, middle and late stages beside the named layers; without --layer they "
            "are shown anyway.",
        ),
    ] = False,
    class_names: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME",
            show_default=False,
            help="Explain this class, too, beside the predicted one; may be repeated.",
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            metavar="METHOD",
            show_default=False,
            help="grad-cam, integrated-gradients, occlusion or gradients; may be repeated. The "
            "first three, where they suit the model, if not given.",
        ),
    ] = None,
    checks: Annotated[
        bool, typer.Option("--checks/--no-checks", help="Check every attribution map.")
    ] = True,
    images: Annotated[
        int,
        typer.Option("--images", metavar="N", min=1, help="Maximum number of images."),
    ] = MAX_IMAGES,
    seed: Seed = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show what a model looks at. Exit code 1 when some images could not be read, 2 when none."""
    from nunbit.cli.display import display_on
    from nunbit.cli.inputs import expand
    from nunbit.cli.terminal import printable, stderr_console, stdout_console
    from nunbit.files import free_beside

    progress = display_on(stderr_console(), quiet=quiet)
    files = expand(paths, progress)
    if len(files) > images:
        progress.note(
            f"the first {images:,} of {len(files):,} images are explained; --images N takes more"
        )
    target = out or free_beside(run, "explanation")

    from nunbit.explain.images import Wanted
    from nunbit.pipelines.explain import explain_run

    wanted = Wanted(
        layers=tuple(layer or ()),
        stages=True if stages else None,
        classes=tuple(class_names or ()),
        methods=None if method is None else tuple(method),
        checks=checks,
        seed=seed or 0,
    )
    done = explain_run(
        run,
        files[:images],
        out=target,
        wanted=wanted,
        command=invocation_of(context).command,
        progress=progress,
    )
    console = stdout_console()
    if not quiet:
        console.print(_table(done))
        console.print(printable(str(done.page)), soft_wrap=True, highlight=False)
    for file, reason in done.unusable:
        stderr_console().print(printable(f"error: {file}: {reason}"), soft_wrap=True)
    if done.unusable:
        raise typer.Exit(1)


def _table(done: Explained) -> Table:
    from rich.table import Table
    from rich.text import Text

    from nunbit.cli.terminal import printable
    from nunbit.formatting import percentage

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("predicted", overflow="fold")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("maps trusted", no_wrap=True)
    for explanation in done.explanations:
        checks = [found.checks for found in explanation.attributions if found.checks]
        trusted = f"{sum(each.trusted for each in checks)} of {len(checks)}" if checks else "–"
        table.add_row(
            Text(printable(explanation.name)),
            Text(printable(explanation.predicted)),
            percentage(float(explanation.probabilities.max())),
            trusted,
        )
    return table
