"""`nunbit split`: the parts as folders of their own, by copying."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nunbit.cli.dataset import data_settings, look_at
from nunbit.cli.options import Data, Debug, GroupFrom, LabelFrom, LabelMap, Quiet, Seed, Set
from nunbit.cli.settings import given_settings
from nunbit.errors import UsageError


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
    from nunbit.cli.terminal import stdout_console
    from nunbit.config import load_config
    from nunbit.data.materialise import write_class_folders
    from nunbit.data.split import Fractions, make_split, write_manifest

    if manifest is not None and manifest.exists():
        raise UsageError(
            "the manifest exists already, and nothing is overwritten",
            path=manifest,
            remedy="choose another name, or move the old file away",
        )
    options = data_settings(label_from=label_from, label_map=label_map, group_from=group_from)
    settings = given_settings({**options, "seed": seed}, assignments)
    config = load_config(data=data, recipe=None, settings=settings)
    console = stdout_console()
    progress = display_on(console, quiet=quiet)
    samples, inspection = look_at(config, progress)
    parts = make_split(
        samples,
        sha256=inspection.sha256,
        reasons=inspection.reasons,
        fractions=Fractions(
            test=config.split.test_fraction,
            validation=config.split.validation_fraction,
            max_validation=config.split.max_validation,
        ),
        seed=config.seed,
    )
    kept = {part: parts.indices(part) for part in ("train", "validation", "test")}
    write_class_folders(samples, kept, out, progress)
    if manifest is not None:
        write_manifest(manifest, parts)
    if not quiet:
        print_parts(console, parts, out)
