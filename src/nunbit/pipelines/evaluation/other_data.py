"""Other data than a run's own: their reading, and what of them the run has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nunbit.config import Config
from nunbit.data.dataset import Dataset
from nunbit.data.split import read_manifest
from nunbit.formatting import count
from nunbit.pipelines.run_folder import RunFolder
from nunbit.progress import Progress

ABOUT_LEARNING = ("empty-classes", "small-classes")
"""Kinds of findings that say nothing of data on which a finished model is only measured."""


def other_data(config: Config, data: str, reading: Mapping[str, object]) -> Config:
    """The run's configuration for other data, read as its own were where nothing else is said.

    What names folders, files and images of the run's own data does not hold for others.
    """
    own = {"data.corrections": None}
    if Path(data).resolve() != Path(config.data.path).resolve():
        own |= dict.fromkeys(("data.parts", "data.exclude", "data.image_root"))
    return config.with_settings({"data.path": data, **own, **reading})


def own_run(run: Path) -> RunFolder | None:
    """The run itself, or that within which a model's folder is; None where there is no run."""
    for folder in (RunFolder(run), RunFolder(run.resolve().parent)):
        if folder.config.is_file() and folder.split.is_file():
            return folder
    return None


def trained_digests(folder: RunFolder) -> frozenset[str]:
    """SHA-256 of the images that a run was trained or chosen on."""
    split = read_manifest(folder.split)
    pairs = zip(split.sha256, split.parts, strict=True)
    return frozenset(d for d, part in pairs if d and part in ("train", "validation"))


def tested_digests(folder: RunFolder) -> frozenset[str]:
    """SHA-256 of the test images of a run."""
    split = read_manifest(folder.split)
    return frozenset(split.sha256[row] for row in split.indices("test") if split.sha256[row])


def with_trained_images(dataset: Dataset, folder: RunFolder, progress: Progress) -> Dataset:
    """The same data, which know what the model has seen; said at once and loudly.

    Where the others are the run's own test part, wherever it lies now, that is said too.
    """
    digests = trained_digests(folder)
    dataset = dataset.with_split(replace(dataset.split, trained_elsewhere=digests))
    seen, n = len(dataset.split.leaked_test_indices), len(dataset.split.indices("test"))
    if seen:
        rest = f"the {n - seen:,} others" if seen < n else "none, for all were seen in training"
        progress.note(
            f"WARNING: the model was trained on {seen:,} of these {count(n, 'image')}, byte for "
            f"byte: an honest score is on {rest}"
        )
    new = set(dataset.split.indices("test").tolist()) - set(
        dataset.split.leaked_test_indices.tolist()
    )
    if new and {dataset.sha256[row] for row in new} == tested_digests(folder):
        progress.note(
            f"{'the others' if seen else 'these'} are the run's own test part, image for image"
        )
    return dataset
