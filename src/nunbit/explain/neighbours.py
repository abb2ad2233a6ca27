"""The images that resemble one most, by what the network makes of them.

N images to choose from, M images asked about, D features, k neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.chunks import chunk_slices

CHUNK_ROWS = 16_384
"""Rows of the N that are read at a time, for features on disk."""


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """Most similar images of each query, nearest first."""

    rows: NDArray[np.int64]
    """[M, k], into the N."""
    similarity: NDArray[np.float32]
    """[M, k], cosine of the angle between the features; 1 is the same direction."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """One of the images that resemble another most."""

    path: str
    """Path in the data."""
    label: str
    """Name of its class."""
    similarity: float
    canvas: NDArray[np.uint8]
    """[H, W, C]."""


def nearest(known: NDArray[np.float32], asked: NDArray[np.float32], *, count: int) -> Nearest:
    """The `count` of `known` [N, D] most similar to each of `asked` [M, D]; at most N.

    Cosine similarity, which leaves out how strong the features are as a whole: the direction says
    what is in the image. Of equals the first comes first. What has no features at all (zeros) is
    similar to nothing: 0. Raises ValueError without images or for fewer than one neighbour.
    """
    if len(known) == 0 or count < 1:
        raise ValueError("there is nothing to find: no images, or no neighbour asked for")
    count = min(count, len(known))
    directions = _directions(asked)
    best = np.empty((len(asked), 0), dtype=np.float32)
    rows = np.empty((len(asked), 0), dtype=np.int64)
    for chunk in chunk_slices(len(known), CHUNK_ROWS):
        some = _directions(known[chunk])
        best = np.concatenate([best, directions @ some.T], axis=1)
        here = np.broadcast_to(np.arange(chunk.start, chunk.stop), (len(asked), len(some)))
        rows = np.concatenate([rows, here], axis=1)
        order = np.argsort(-best, axis=1, kind="stable")[:, :count]
        best, rows = np.take_along_axis(best, order, 1), np.take_along_axis(rows, order, 1)
    return Nearest(rows=rows, similarity=best.clip(-1, 1))


def _directions(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same with length 1; zeros stay zeros."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.where(lengths > 0, lengths, 1), dtype=np.float32)
