"""Known data with planted faults, as samples that the doctor can be shown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from nunbit.data.storage import ImageArrays
from nunbit.types import Samples

Labels = NDArray[np.int64]


@cache
def digits() -> tuple[NDArray[np.uint8], Labels]:
    """scikit-learn's digits: uint8 [1797, 8, 8, 1] and labels."""
    content = load_digits()
    images = np.round(content.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    return images, content.target.astype(np.int64)


def flipped(labels: Labels, *, share: float, seed: int) -> tuple[Labels, NDArray[np.bool_]]:
    """Labels of which a share is another class at random, and which these are."""
    rng = np.random.default_rng(seed)
    wrong = rng.permutation(len(labels)) < round(share * len(labels))
    classes = int(labels.max()) + 1
    others = (labels + rng.integers(1, classes, len(labels))) % classes
    return np.where(wrong, others, labels), wrong


def samples_of(
    labels: Sequence[int] | Labels,
    *,
    parts: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    classes: int = 10,
) -> Samples:
    """Samples with classes called c0, c1, … and paths 0000, 0001, …"""
    count = len(labels)
    return Samples(
        name="test",
        location="a test",
        classes=tuple(f"c{i}" for i in range(classes)),
        images=ImageArrays(array=np.zeros((count, 1, 1, 1), dtype=np.uint8)),
        paths=tuple(f"{i:04}" for i in range(count)),
        labels=np.array(labels, dtype=np.int64),
        parts=tuple(parts or ("",) * count),
        groups=tuple(groups or ("",) * count),
        reasons=("",) * count,
    )
