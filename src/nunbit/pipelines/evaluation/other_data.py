"""Other data than a run's own: their reading, their classes, and what of them the run has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from nunbit.config import Config
from nunbit.data.dataset import Dataset
from nunbit.data.inspect import Inspection
from nunbit.data.sources.exclusions import EXCLUDED_BY
from nunbit.data.split import read_manifest
from nunbit.errors import DataError
from nunbit.formatting import count, examples
from nunbit.pipelines.run_folder import RunFolder
from nunbit.progress import Progress
from nunbit.types import ClassNames, Samples

UNKNOWN_CLASS = f"{EXCLUDED_BY} model"
"""Reason against an image of a class that the model does not know."""


def other_data(config: Config, data: str, reading: Mapping[str, object]) -> Config:
    """The run's configuration for other data, read as its own were where nothing else is said.

    What names folders, files and images of the run's own data does not hold for others.
    """
    own = {"data.corrections": None}
    if Path(data).resolve() != Path(config.data.path).resolve():
        own |= dict.fromkeys(("data.parts", "data.exclude", "data.image_root"))
    return config.with_settings({"data.path": data, **own, **reading})


def trained_digests(run: Path) -> frozenset[str]:
    """SHA-256 of the images that a run was trained or chosen on; none where it is not known.

    `run` is the folder of a run, or that of the model within one.
    """
    for folder in (run, run.resolve().parent):
        if RunFolder(folder).config.is_file() and RunFolder(folder).split.is_file():
            split = read_manifest(RunFolder(folder).split)
            pairs = zip(split.sha256, split.parts, strict=True)
            return frozenset(d for d, part in pairs if d and part in ("train", "validation"))
    return frozenset()


def with_trained_images(dataset: Dataset, digests: frozenset[str], progress: Progress) -> Dataset:
    """The same data, which know what the model has seen; said at once and loudly."""
    dataset = dataset.with_split(replace(dataset.split, trained_elsewhere=digests))
    seen, n = len(dataset.split.leaked_test_indices), len(dataset.split.indices("test"))
    if seen:
        rest = f"the {n - seen:,} others" if seen < n else "none, for all were seen in training"
        progress.note(
            f"WARNING: the model was trained on {seen:,} of these {count(n, 'image')}, byte for "
            f"byte: an honest score is on {rest}"
        )
    return dataset


def keep_known_classes(
    classes: ClassNames, samples: Samples, inspection: Inspection
) -> tuple[Samples, Inspection]:
    """The same samples with the model's class numbers; those of other classes are left out.

    Raises:
        DataError: when the model knows none of the classes.
    """
    unknown = [name for name in samples.classes if name not in classes]
    if len(unknown) == len(samples.classes):
        raise DataError(
            f"the model does not know {len(unknown)} of the classes: {', '.join(unknown[:10])}",
            path=samples.location,
            remedy=f"it knows {', '.join(classes[:20])}; rename classes with --label-map",
        )
    number = {name: at for at, name in enumerate(classes)}
    lookup = np.array([number.get(name, -1) for name in samples.classes] + [-1], dtype=np.int64)
    labels = lookup[samples.labels]
    if not unknown:
        return replace(samples, classes=classes, labels=labels), inspection
    left_out = (samples.labels >= 0) & (labels < 0)

    def with_reason(reasons: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            reason
            or (f"{UNKNOWN_CLASS}: it does not know class '{samples.label_name(i)}'" if out else "")
            for i, (reason, out) in enumerate(zip(reasons, left_out, strict=True))
        )

    warning = (
        f"{count(int(left_out.sum()), 'image')} left out, of classes that the model does not know: "
        f"{examples(unknown)}; --label-map gives them other names"
    )
    samples = replace(
        samples,
        classes=classes,
        labels=labels,
        reasons=with_reason(samples.reasons),
        warnings=(*samples.warnings, warning),
    )
    return samples, replace(inspection, reasons=with_reason(inspection.reasons))
