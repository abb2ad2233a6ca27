"""The baselines of a run, on images that its own parts hold.

D values of an image, b images of a block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nunbit.chunks import chunks
from nunbit.data.dataset import Dataset
from nunbit.data.pixels import ArrayPixels
from nunbit.evaluation.baselines import (
    Baseline,
    drawn,
    largest_class,
    nearest_neighbour,
    small_images,
)
from nunbit.formatting import count
from nunbit.progress import Progress
from nunbit.seeds import Purpose, rng_for
from nunbit.types import Predictions

MAX_TRAINING_IMAGES, MAX_TEST_IMAGES = 3_000, 1_000
"""Numbers that the nearest neighbour compares: 0.4 s of one core at 32 x 32 pixels in colour."""
MAX_VALUES = 200_000_000
"""Pixel values that are read for it: about 1,300 images of 224 x 224 in colour."""
MAX_DECODED = 300
"""Images that are read where each must be decoded again."""
_CHUNK_VALUES = 2_000_000
"""Pixel values that are read at once: 8 MB as float32."""


def baselines_of(
    dataset: Dataset, test: Predictions, *, seed: int, progress: Progress
) -> tuple[Baseline, ...]:
    """Measure the baselines: the largest class, and the nearest neighbour on pixels.

    The nearest neighbour needs training images, and is left out where the parts hold none.
    `test` is what the network said of the whole test part; `seed` decides which images are drawn
    where not all are compared.
    """
    labels = dataset.labels
    train = dataset.split.indices("train")
    known = labels[train] if len(train) else None
    found = [largest_class(test, dataset.classes, training_labels=known)]
    if len(train):
        found.append(_nearest_neighbour(dataset, train, test, seed=seed, progress=progress))
    return tuple(found)


def _nearest_neighbour(
    dataset: Dataset, train: NDArray[np.int64], test: Predictions, *, seed: int, progress: Progress
) -> Baseline:
    generator = rng_for(seed, Purpose.BASELINE)
    most_train, most_test = _limits(dataset)
    training_rows = np.sort(drawn(train, most_train, generator))
    chosen = np.sort(drawn(np.arange(len(test)), most_test, generator))
    compared = test.subset(chosen)
    test_vectors = np.concatenate(list(_vectors(dataset, compared.indices, progress)))
    return nearest_neighbour(
        _vectors(dataset, training_rows, progress),
        dataset.labels[training_rows],
        compared,
        test_vectors,
        detail=f"the most similar of {count(len(training_rows), 'training image')} by pixels",
    )


def _limits(dataset: Dataset) -> tuple[int, int]:
    """Most training and most test images; a quarter of what may be read are test images."""
    contract = dataset.preprocess
    total = MAX_VALUES // (contract.height * contract.width * contract.channels)
    if not isinstance(dataset.pixels, ArrayPixels):
        total = min(total, MAX_DECODED)
    test = min(MAX_TEST_IMAGES, max(total // 4, 1))
    return min(MAX_TRAINING_IMAGES, max(total - test, 1)), test


def _vectors(
    dataset: Dataset, rows: NDArray[np.int64], progress: Progress
) -> Iterator[NDArray[np.float32]]:
    """The canvases of some rows as small vectors, block by block [b, D]; few are in memory."""
    contract = dataset.preprocess
    chunk_size = max(1, _CHUNK_VALUES // (contract.height * contract.width * contract.channels))
    blocks = list(chunks(rows, chunk_size))
    stream = dataset.pixels.stream(blocks)
    for canvases in progress.track(stream, total=len(blocks), title="Comparing with baselines"):
        yield small_images(canvases.numpy())
