"""`nunbit split`: copies of the images in a folder for each part."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nunbit.cli.options import Data, Debug, GroupFrom, LabelFrom, LabelMap, Quiet, Seed, Set
from nunbit.cli.outputs import check_new_file, check_not_existing
from nunbit.cli.settings import data_settings, given_settings


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
    label_from: LabelFrom = None,
    label_map: LabelMap = None,
    group_from: GroupFrom = None,
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
    options = data_settings(label_from=label_from, label_map=label_map, group_from=group_from)
    settings = given_settings({**options, "seed": seed}, assignments)
    config = load_config(data=data, recipe=None, settings=settings)
    progress = display_on(stderr_console(), quiet=quiet)
    made = split_data(config, out, manifest=manifest, progress=progress)
    if not quiet:
        print_parts(stdout_console(), made, out)
