"""Near-duplicates of training images in other data: re-encoded, resized, cropped, brightened.

Identical bytes are told by their digests, which a run records. Near-duplicates are told by the
pictures, so they are found only where the run's own images still are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nunbit.bundle import Bundle
from nunbit.config import Config
from nunbit.data.dataset import Dataset
from nunbit.data.inspect import Inspection
from nunbit.data.near_duplicates import Signatures, near_duplicates
from nunbit.errors import NunbitError
from nunbit.formatting import count
from nunbit.pipelines.dataset import inspect_data
from nunbit.pipelines.splitting.near_duplicate_pairs import (
    MAX_IMAGES,
    signatures_of,
    thumbnail_contract,
)
from nunbit.progress import Progress
from nunbit.types import Samples

IDENTICAL_THUMBNAILS = 1.0
"""Similarity of two images of which only the first is compared with others."""


def with_near_copies(
    dataset: Dataset, own: Config, bundle: Bundle, *, progress: Progress
) -> Dataset:
    """The same data, which also know what shows the picture of a training image.

    Args:
        dataset: other data, whose split has the digests of the training images.
        own: configuration of the run, by which its own images are found.
        bundle: the run's model.
        progress: listener to progress; says where nothing can be looked for, and why.
    """
    digests, split = dataset.split.trained_elsewhere, dataset.split
    identical = set(split.leaked_test_indices.tolist())
    tested = np.array([row for row in split.indices("test") if row not in identical], np.int64)
    if not digests or not len(tested) or own.split.near_duplicates == "ignore":
        return dataset
    if len(digests) + len(tested) > MAX_IMAGES:
        progress.note(
            "near-duplicates of training images are not looked for: "
            f"{len(digests) + len(tested):,} images are more than {MAX_IMAGES:,}; identical ones "
            "are told"
        )
        return dataset
    try:
        samples, inspection = inspect_data(own)
    except NunbitError as error:
        progress.note(
            "near-duplicates of training images are not looked for, because the run's own images "
            f"cannot be read: {error.what}"
        )
        return dataset
    pairs = zip(inspection.sha256, inspection.reasons, strict=True)
    trained = np.flatnonzero([d in digests and not why for d, why in pairs]).astype(np.int64)
    if len(trained) < len(digests):
        progress.note(
            f"near-duplicates are looked for among {len(trained):,} of {len(digests):,} training "
            "images: the others are not where they were"
        )
    if not len(trained):
        return dataset
    copies = _copies(
        (samples, inspection, trained), (dataset, tested), own, bundle, progress=progress
    )
    found = frozenset(split.sha256[row] for row in copies)
    dataset = dataset.with_split(replace(split, near_trained=found))
    if found:
        rest = len(tested) - len(copies)
        progress.note(
            f"WARNING: {count(len(copies), 'image shows', 'images show')} the picture of a "
            f"training image without being the same file, such as {split.paths[copies[0]]}: an "
            f"honest score is on {f'the {rest:,} others' if rest else 'none of these images'}"
        )
    return dataset


def _copies(
    own: tuple[Samples, Inspection, NDArray[np.int64]],
    other: tuple[Dataset, NDArray[np.int64]],
    config: Config,
    bundle: Bundle,
    *,
    progress: Progress,
) -> list[int]:
    """Rows of the other data that are near-duplicates of the run's rows."""
    samples, inspection, trained = own
    dataset, tested = other
    contract = thumbnail_contract(inspection, bundle.preprocess, config)
    first = signatures_of(
        samples, inspection.sha256, inspection.reasons, trained, contract, config, progress
    )
    second = signatures_of(
        dataset.samples, dataset.sha256, dataset.reasons, tested, contract, config, progress
    )
    # The training images come first: of identical thumbnails, the first is compared with others.
    joined = Signatures(
        rows=np.arange(len(first) + len(second)),
        thumbnails=np.concatenate([first.thumbnails, second.thumbnails]),
        colours=np.concatenate([first.colours, second.colours]),
    )
    found = near_duplicates(joined, progress=progress)
    near: set[int] = set()
    for a, b in found.pairs.tolist():
        if a < len(first) <= b:
            near.add(b)
    for (a, b), similarity in zip(found.pairs.tolist(), found.similarity, strict=True):
        if a in near and similarity >= IDENTICAL_THUMBNAILS:
            near.add(b)
    return [int(second.rows[row - len(first)]) for row in sorted(near)]
