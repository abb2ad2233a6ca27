"""`nunbit train`: labelled images in, a run's folder out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nunbit.cli.data_options import NOTHING_SAID, DataOptions, reads_data
from nunbit.cli.invocation import invocation_of
from nunbit.cli.options import (
    Debug,
    OptionalData,
    Quiet,
    Seed,
    Set,
    Verbose,
)
from nunbit.cli.settings import given_settings
from nunbit.errors import UsageError


def _text(flag: str, metavar: str, help: str) -> object:
    return typer.Option(flag, metavar=metavar, help=help, show_default=False)


@reads_data
def train(
    context: typer.Context,
    data: OptionalData = None,
    *,
    model: Annotated[str | None, _text("--model", "NAME", "Network; see nunbit models.")] = None,
    epochs: Annotated[
        str | None, _text("--epochs", "N", "Passes over the training images.")
    ] = None,
    minutes: Annotated[
        str | None, _text("--minutes", "M", "Train for M minutes instead of N epochs.")
    ] = None,
    pretrained: Annotated[
        str | None,
        _text(
            "--pretrained",
            "NAME|PATH|none",
            "Weights to start from, and their network.",
        ),
    ] = None,
    transfer: Annotated[
        str | None,
        _text(
            "--transfer",
            "auto|head|last-stage|stages:N|all|none",
            "Which part of a pretrained network is trained; auto measures and decides.",
        ),
    ] = None,
    operating_point: Annotated[
        str | None,
        _text(
            "--operating-point",
            "youden|sensitivity:S|none",
            "Of two classes: how the threshold for predict is chosen on the validation images.",
        ),
    ] = None,
    out: Annotated[
        Path | None, _text("--out", "DIR", "Folder of the run; a new one below runs/ otherwise.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the interrupted run in --out.")
    ] = False,
    seed: Seed = None,
    device: Annotated[
        str | None, _text("--device", "NAME", "auto, cpu, cuda, cuda:1 or mps.")
    ] = None,
    image_size: Annotated[
        str | None, _text("--image-size", "N", "Side of the network's input in pixels.")
    ] = None,
    fit: Annotated[
        str | None,
        _text("--fit", "crop|pad|squash", "How images of another shape are fitted."),
    ] = None,
    augment: Annotated[
        str | None, _text("--augment", "PRESET|FILE", "Random changes of training images.")
    ] = None,
    split: Annotated[
        Path | None, _text("--split", "FILE", "A split.csv to use instead of a new split.")
    ] = None,
    corrections: Annotated[
        Path | None,
        _text(
            "--corrections",
            "FILE",
            "Images to leave out or to give another class, as nunbit check --fix-list lists them.",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        _text("--recipe", "NAME|FILE", "Settings to start from, as a run's config.toml."),
    ] = None,
    reading: DataOptions = NOTHING_SAID,
    assignments: Set = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Check, split, train, evaluate, report: labelled images in, a run's folder out."""
    settings = given_settings(
        {
            "model.name": model,
            "model.pretrained": pretrained,
            "transfer.mode": transfer,
            "training.epochs": epochs,
            "training.minutes": minutes,
            "training.operating_point": operating_point,
            "seed": seed,
            "device": device,
            "pixels.image_size": image_size,
            "pixels.fit": fit,
            "augment.preset": augment,
            **reading.settings(),
            "data.manifest": None if split is None else str(split),
            "data.corrections": None if corrections is None else str(corrections),
        },
        assignments,
    )
    _require_data(data=data, recipe=recipe, resume=resume, out=out, settings=settings)

    from nunbit.cli.display import display_on
    from nunbit.cli.results import print_next, print_run
    from nunbit.cli.terminal import stderr_console, stdout_console
    from nunbit.config import load_config
    from nunbit.pipelines import train as spine

    progress = display_on(stderr_console(), quiet=quiet, verbose=verbose)
    try:
        if resume and out is not None and data is None and recipe is None:
            finished = spine.resume(out, settings=settings, progress=progress)
        else:
            config = load_config(data=data, recipe=recipe, settings=settings)
            command = invocation_of(context).command
            finished = spine.train(
                config, out=out, resume=resume, progress=progress, command=command
            )
    finally:
        progress.training_ended()
    if not quiet:
        console = stdout_console()
        print_run(console, finished.folder, finished.summary)
        print_next(console, finished.folder)


def _require_data(
    *,
    data: str | None,
    recipe: str | None,
    resume: bool,
    out: Path | None,
    settings: dict[str, object],
) -> None:
    if resume and out is None:
        raise UsageError(
            "--resume does not say which run",
            remedy="name its folder: nunbit train --resume --out runs/NAME",
        )
    if not (data or recipe or resume or settings.get("data.path")):
        from nunbit.data.sources import accepted_data

        raise UsageError(
            "there is nothing to train on: DATA is missing",
            remedy=f"give {accepted_data()}",
        )
