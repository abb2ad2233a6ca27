"""The check: everything up to the split of a training, and then a long look at the data."""

from __future__ import annotations

from dataclasses import replace

import torch

from nunbit.checks.diagnosis import Diagnosis
from nunbit.checks.finding import Finding
from nunbit.checks.measurements.backbone import Backbone, choose_backbone
from nunbit.checks.run import examine, examine_quickly
from nunbit.config import Config
from nunbit.data.dataset import Dataset
from nunbit.data.preprocess import Preprocess
from nunbit.device import resolve_device
from nunbit.errors import DataError, UsageError
from nunbit.pipelines.dataset import (
    check_trainable,
    decode_data,
    inspect_data,
    training_statistics,
    with_training_range,
)
from nunbit.pipelines.splitting.make_or_load_split import make_or_load_split
from nunbit.pipelines.stopwatch import Stopwatch
from nunbit.progress import SILENT, Progress
from nunbit.types import Split


def check_data(
    config: Config,
    *,
    quick: bool = False,
    backbone: str = "auto",
    progress: Progress = SILENT,
) -> Diagnosis:
    """Open the data as a training would, and examine them; nothing is changed.

    Args:
        config: what the training would be given.
        quick: only what every training checks, without a look at the pixels.
        backbone: pretrained weights whose features tell what is alike: a name, 'none' or 'auto'.
        progress: listener to progress.

    Raises:
        DataError: when DATA cannot be read as labelled images at all.
        UsageError: when a setting or the backbone is unknown, or a backbone is named for `quick`.
        WeightsError: when the backbone's weights are missing or damaged.
    """
    device = resolve_device(config.device)
    # A typing error is noticed before the images are read rather than after.
    named = None if backbone in ("auto", "none") else Backbone(backbone, device=device)
    if named is not None and quick:
        raise UsageError("--quick looks at no pixels, so no backbone can", remedy="leave out one")
    watch = Stopwatch()
    with watch.stage("files"):
        samples, inspection = inspect_data(config, progress)
    with watch.stage("decode"):
        dataset, chosen, findings = decode_data(
            samples, inspection, config, device=device, progress=progress
        )
    with watch.stage("split"):
        dataset, stops = _split(dataset, config, progress)
        dataset, chosen = with_training_range(dataset, chosen, config, progress=progress)
        if not chosen.statistics_known and dataset.split.counts["train"]:
            dataset = dataset.with_statistics(training_statistics(dataset))
    split, preprocess, findings = dataset.split, dataset.preprocess, (*stops, *findings)
    if quick:
        diagnosis = examine_quickly(dataset, split, findings=findings, preprocess=preprocess)
    else:
        diagnosis = examine(
            dataset,
            split,
            findings=findings,
            preprocess=preprocess,
            backbone=named or _automatic(backbone, preprocess, split, device),
            progress=progress,
        )
    return replace(diagnosis, seconds={**watch.seconds, **diagnosis.seconds})


def _split(
    dataset: Dataset, config: Config, progress: Progress
) -> tuple[Dataset, tuple[Finding, ...]]:
    """The data set as a training would split it, and a finding where that would stop it."""
    try:
        dataset = dataset.with_split(make_or_load_split(dataset, config, progress=progress))
        check_trainable(dataset)
    except DataError as error:
        stop = Finding(
            kind="untrainable", severity="error", title=error.what, count=0, remedy=error.remedy
        )
        # Every usable image is in the part that the data give it, or in training.
        parts = tuple(part or "train" for part in dataset.parts)
        return dataset.with_split(replace(dataset.split, parts=parts)), (stop,)
    return dataset, ()


def _automatic(
    backbone: str, contract: Preprocess, split: Split, device: torch.device
) -> Backbone | None:
    """The backbone that `auto` finds worthwhile, if any."""
    images = len(split) - split.counts["excluded"]
    name = choose_backbone(backbone, height=contract.height, width=contract.width, images=images)
    return None if name is None else Backbone(name, device=device)
