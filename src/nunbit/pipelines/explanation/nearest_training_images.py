"""The training images of a run that resemble others most, by the features of its network.

M images asked about, H height, W width, C channels, D features.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nunbit.backbone.extract import extract
from nunbit.backbone.feature_cache import FeatureStore
from nunbit.backbone.pieces import feature_extractor
from nunbit.backbone.split_points import find_split_points
from nunbit.bundle import Bundle
from nunbit.chunks import chunks
from nunbit.config import Config
from nunbit.config.budget import decide_budget
from nunbit.data.batches import inference_batch_size
from nunbit.data.dataset import Dataset
from nunbit.errors import NunbitError
from nunbit.explain.images import Subject
from nunbit.explain.neighbours import Nearest, Neighbour, nearest
from nunbit.pipelines.dataset import reopen_dataset
from nunbit.progress import Progress
from nunbit.types import Batch


def resembling(
    run: Path,
    bundle: Bundle,
    subject: Subject,
    canvases: Sequence[NDArray[np.uint8]],
    *,
    count: int,
    progress: Progress,
) -> tuple[list[tuple[Neighbour, ...]], str]:
    """Find the `count` nearest training images of each canvas [H, W, C], and their origin.

    Compared is what the final layer is given. Where the run's own images cannot be had, there are
    none, and the text says why.
    """
    try:
        config, dataset = reopen_dataset(run, bundle, device=subject.device, progress=progress)
        found, split_point = _search(
            config, dataset, subject, canvases, count=count, progress=progress
        )
    except NunbitError as error:
        return [()] * len(canvases), f"No training images are shown: {error.what}"
    rows = dataset.split.indices("train")
    where = (
        f"Of the {len(rows):,} training images those nearest at {split_point}, the input of the "
        "final layer; below each its class and the cosine of the angle between the features (1: "
        "the same direction)"
    )
    return [
        _neighbours(dataset, rows[near], similarity)
        for near, similarity in zip(found.rows, found.similarity, strict=True)
    ], where


def _search(
    config: Config,
    dataset: Dataset,
    subject: Subject,
    canvases: Sequence[NDArray[np.uint8]],
    *,
    count: int,
    progress: Progress,
) -> tuple[Nearest, str]:
    """The nearest, as rows of the training part, and the name of the split point."""
    batches = dataset.batches("train")
    assert batches is not None  # a run without training images is refused before it begins
    split_point = find_split_points(subject.model, subject.shape)[-1]
    budget = decide_budget(config.pixels)
    store = FeatureStore(
        budget.cache_folder,
        disk_bytes=budget.disk_bytes,
        ram_bytes=budget.ram_bytes,
        progress=progress,
    )
    known = store.features(subject.model, split_point, batches, sha256=dataset.sha256)
    asked = extract(
        feature_extractor(subject.model, split_point),
        _batches(subject, canvases),
        pool=split_point.pooled,
    )
    return nearest(known, asked, count=count), split_point.name


def _batches(subject: Subject, canvases: Sequence[NDArray[np.uint8]]) -> list[Batch]:
    size = inference_batch_size(subject.shape[1], subject.shape[2], subject.device)
    groups = [np.stack(some) for some in chunks(canvases, size)]
    return [
        Batch(
            images=subject.images(group),
            targets=torch.full((len(group),), -1),
            indices=np.arange(len(group)),
        )
        for group in groups
    ]


def _neighbours(
    dataset: Dataset, rows: NDArray[np.int64], similarity: NDArray[np.float32]
) -> tuple[Neighbour, ...]:
    samples = dataset.samples
    (canvases,) = dataset.pixels.stream([rows])
    return tuple(
        Neighbour(
            path=samples.paths[row],
            label=samples.label_name(int(row)),
            similarity=float(value),
            canvas=canvas,
        )
        for row, value, canvas in zip(rows, similarity, canvases.numpy(), strict=True)
    )
