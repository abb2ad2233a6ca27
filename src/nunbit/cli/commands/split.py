"""`nunbit split`: copies of the images in a folder for each part."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nunbit.cli.data_options import NOTHING_SAID, DataOptions, reads_data
from nunbit.cli.options import Data, Debug, Quiet, Seed, Set
from nunbit.cli.outputs import check_new_file, check_not_existing
from nunbit.cli.settings import given_settings


@reads_data
def split(
    data: Data,
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            show_default=False,
            help="New folder for the train, validation and test class folders.",
        ),
    ],
    seed: Seed = None,
    reading: DataOptions = NOTHING_SAID,
    assignments: Set = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            metavar="FILE",
            show_default=False,
            help="Also write the list of all files, their part and, where excluded, the reason.",
        ),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Copy the images into train, validation and test folders; the originals stay as they are."""
    from nunbit.cli.display import display_on
    from nunbit.cli.results import print_parts
    from nunbit.cli.terminal import stderr_console, stdout_console
    from nunbit.config import load_config
    from nunbit.pipelines.split import split_data

    check_not_existing(out, option="--out")
    check_new_file(manifest, option="--manifest")
    options = reading.settings()
    settings = given_settings({**options, "seed": seed}, assignments)
    config = load_config(data=data, recipe=None, settings=settings)
    progress = display_on(stderr_console(), quiet=quiet)
    made = split_data(config, out, manifest=manifest, progress=progress)
    if not quiet:
        print_parts(stdout_console(), made, out)
