"""`nunbit augment`: what an augmentation does to the user's own images, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nunbit.cli.data_options import NOTHING_SAID, DataOptions, reads_data
from nunbit.cli.options import Data, Debug, Quiet, Seed, Set
from nunbit.cli.outputs import check_new_file
from nunbit.cli.settings import given_settings
from nunbit.errors import UsageError
from nunbit.files import write_new_file

if TYPE_CHECKING:
    from nunbit.data.augment import Augmentation

EVERYTHING = "all"


@reads_data
def augment(
    data: Data,
    *,
    augment: Annotated[
        str | None,
        typer.Option(
            "--augment",
            metavar="PRESET|FILE",
            show_default=False,
            help="What to show: a preset, a TOML file of operations, or all operations; what a "
            "training of these data would use if not given.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="PAGE", show_default=False, help="New HTML file.")
    ],
    images: Annotated[
        int, typer.Option("--images", metavar="N", min=1, max=100, help="Images to show it on.")
    ] = 4,
    reading: DataOptions = NOTHING_SAID,
    seed: Seed = None,
    assignments: Set = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show on a page what each operation of an augmentation makes of your own images."""
    check_new_file(out, option="--out")

    from nunbit.cli.display import display_on
    from nunbit.cli.terminal import printable, stderr_console, stdout_console
    from nunbit.config import load_config

    options = reading.settings()
    settings = given_settings({**options, "augment.preset": augment, "seed": seed}, assignments)
    config = load_config(data=data, recipe=None, settings=settings)
    progress = display_on(stderr_console(), quiet=quiet)

    from nunbit import __version__
    from nunbit.device import resolve_device
    from nunbit.pipelines.augment import sample_images
    from nunbit.pipelines.dataset import check_any_usable, inspect_data
    from nunbit.pipelines.input_contract import choose_model_and_input
    from nunbit.reports.augmentation import build_gallery

    wanted = config.augment.preset
    shown, notes = (None, ()) if wanted == "auto" else _augmentation(wanted)
    samples, inspection = inspect_data(config, progress)
    check_any_usable(samples, inspection)
    if shown is None:
        shown, notes = _default_augmentation(samples.name)
    device_type = resolve_device(config.device).type
    chosen = choose_model_and_input(config, samples, inspection, device_type=device_type)
    page = build_gallery(
        sample_images(samples, inspection, chosen.preprocess, count=images, seed=config.seed),
        shown,
        seed=config.seed,
        whole=wanted != EVERYTHING and len(shown.operations) + len(shown.mixing) > 1,
        notes=notes,
        version=__version__,
    )
    write_new_file(out, page)
    for note in notes:
        progress.note(note)
    if not quiet:
        stdout_console().print(printable(str(out)), soft_wrap=True, highlight=False)


def _augmentation(name: str) -> tuple[Augmentation, tuple[str, ...]]:
    """Load an augmentation by name, with remarks. Raises UsageError if it changes nothing."""
    from nunbit.data.augment import PRESETS, load_augmentation
    from nunbit.reports.augmentation import showcase

    if name == EVERYTHING:
        return showcase()
    found = load_augmentation(name)
    if not found.operations and not found.mixing:
        others = ", ".join(preset for preset in PRESETS if preset != name)
        raise UsageError(
            f"the augmentation {name} changes nothing, so there is nothing to show",
            remedy=f"choose another: {others}; or all",
        )
    return found, ()


def _default_augmentation(data_name: str) -> tuple[Augmentation, tuple[str, ...]]:
    from nunbit.data.augment import PRESETS, choose_preset

    name, reason = choose_preset(data_name)
    return PRESETS[name], (f"Augmentation '{name}': {reason}.",)
