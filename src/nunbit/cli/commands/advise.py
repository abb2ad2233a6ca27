"""`nunbit advise`: what to train of a pretrained network, with the evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nunbit.cli.data_options import NOTHING_SAID, DataOptions, reads_data
from nunbit.cli.options import Data, Debug, Quiet, Seed, Set
from nunbit.cli.settings import given_settings
from nunbit.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from nunbit.advisor.plans import Advice

PACKAGED = "efficientnet-lite0"
"""Default weights: they come with an optional package."""
FORMS = (".png", ".svg")


@reads_data
def advise(
    data: Data,
    *,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME",
            show_default=False,
            help="Network, with the weights that its name stands for; see nunbit models.",
        ),
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(
            "--pretrained",
            metavar="NAME|PATH",
            show_default=False,
            help=f"Weights to judge, with their own network; {PACKAGED} if neither is named.",
        ),
    ] = None,
    reading: DataOptions = NOTHING_SAID,
    image_size: Annotated[
        str | None,
        typer.Option(
            "--image-size",
            metavar="N",
            show_default=False,
            help="Side of the network's input in pixels.",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device", metavar="NAME", show_default=False, help="auto, cpu, cuda, cuda:1 or mps."
        ),
    ] = None,
    seed: Seed = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            show_default=False,
            help="Write the evidence as a picture, .png or .svg.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the advice as JSON on stdout.")
    ] = False,
    assignments: Set = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Say what to train of a pretrained network, what to expect, and why; train nothing.

    The test part is not used. Takes half a minute to some minutes.
    """
    _check_picture_path(out)
    settings = given_settings(
        {
            "model.name": model,
            "model.pretrained": _weights(model, pretrained),
            "seed": seed,
            "device": device,
            "pixels.image_size": image_size,
            **reading.settings(),
        },
        assignments,
    )

    from nunbit.cli.display import display_on
    from nunbit.cli.terminal import stderr_console, stdout_console
    from nunbit.config import load_config
    from nunbit.pipelines.advise import advise_data

    config = load_config(data=data, recipe=None, settings=settings)
    advice = advise_data(config, display_on(stderr_console(), quiet=quiet))
    console = stdout_console()
    if out is not None:
        _write_picture(out, advice)
    if as_json:
        text = json.dumps(advice.to_dict(), indent=2, ensure_ascii=False)
        console.out(text, highlight=False)
    elif not quiet:
        print_advice(console, advice)
        if out is not None:
            console.print(f"the evidence as a picture: {out}", soft_wrap=True)


def _weights(model: str | None, pretrained: str | None) -> str:
    """Name of the weights: as given, those of the given network, or the packaged ones."""
    if pretrained == "none":
        raise UsageError(
            "advice needs pretrained weights",
            remedy=f"leave --pretrained out, or name weights, such as {PACKAGED}",
        )
    return pretrained or model or PACKAGED


def _check_picture_path(out: Path | None) -> None:
    """Raise UsageError before minutes of work rather than after them."""
    if out is None:
        return
    if out.suffix.lower() not in FORMS:
        raise UsageError(
            f"the evidence is drawn as {' or '.join(FORMS)}, not as '{out.suffix}'",
            path=out,
            remedy="end the name in .png or .svg",
        )
    if out.exists():
        raise UsageError("this file exists already", path=out, remedy="choose another --out")
    if not out.parent.is_dir():
        raise UsageError(
            "the folder of the picture does not exist", path=out, remedy="make it first"
        )


def _write_picture(out: Path, advice: Advice) -> None:
    from nunbit.files import write_atomically
    from nunbit.reports.advice import draw_advice

    form = out.suffix.lower().removeprefix(".")
    write_atomically(out, draw_advice(advice, form="svg" if form == "svg" else "png"))


def print_advice(console: Console, advice: Advice) -> None:
    """The plans as a table, the two answers, and the recommendation."""
    from rich.table import Table
    from rich.text import Text

    from nunbit.advisor.plans import SCRATCH, describe
    from nunbit.cli.terminal import printable
    from nunbit.formatting import rough_duration

    title = f"{advice.data}: {advice.images:,} images to train on, {advice.classes} classes"
    console.print(Text(printable(title), "bold"), soft_wrap=True)
    console.print(f"much data: {_yes(advice.much.yes)}. {advice.much.reason}", soft_wrap=True)
    console.print(
        f"similar images: {_yes(advice.similar.yes)}. {advice.similar.reason}", soft_wrap=True
    )
    console.print()
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("--transfer", "trains", "expected accuracy", "time", "because"):
        table.add_column(name, overflow="fold")
    for plan in advice.plans:
        chosen = plan.plan == advice.recommended
        name = f"--pretrained none ({advice.scratch})" if plan.plan == SCRATCH else plan.plan
        table.add_row(
            name,
            describe(plan.plan),
            str(plan.accuracy),
            rough_duration(plan.seconds),
            plan.basis,
            style="bold" if chosen else "",
        )
    console.print(table)
    console.print()
    console.print(Text(f"recommended: --transfer {advice.recommended}", "bold"), soft_wrap=True)
    console.print(f"{advice.reason[0].upper()}{advice.reason[1:]}", soft_wrap=True)
    if advice.table_plan != advice.recommended:
        console.print(
            f"The rule of thumb for such data is {advice.table_plan}; the measurement takes "
            "precedence.",
            soft_wrap=True,
        )
    for remark in advice.remarks:
        console.print(remark, soft_wrap=True)


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"
