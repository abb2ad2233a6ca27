"""Signatures for finding copies: a thumbnail of each image and its coarse colours.

n images, B images in a batch, H height, W width, C channels, h and w those of a thumbnail.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THUMBNAIL = 32
"""Longest side of a thumbnail, pixels: about 1.1 kB for each image."""
COLOUR_CELLS = 4
"""Colours are averaged over a grid of so many cells each way."""
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Signatures:
    """Signatures of n images, in ascending order of `rows`."""

    rows: NDArray[np.int64]
    """[n] row numbers in the `Samples`."""
    thumbnails: NDArray[np.uint8]
    """[n, h, w] grey."""
    colours: NDArray[np.int16]
    """[n, 3, cells, cells] red, green and blue less grey, mean of each cell; 0 for grey images."""

    def __len__(self) -> int:
        return len(self.rows)


class HashObserver:
    """Gathers the signatures in one pass over the pixels, as an observer of the checks.

    A perceptual hash cuts such a thumbnail down to 64 bits. Among thousands of alike pictures,
    trousers or handwritten digits, those bits collide everywhere, so the thumbnail itself is kept
    and compared.
    """

    def __init__(self) -> None:
        self._rows: list[NDArray[np.int64]] = []
        self._thumbnails: list[NDArray[np.uint8]] = []
        self._colours: list[NDArray[np.int16]] = []

    def observe(self, rows: NDArray[np.int64], canvases: NDArray[np.uint8]) -> None:
        """Add a batch: row numbers int64 [B] and uint8 [B, H, W, C], C = 1 or 3."""
        grey = _grey(canvases)
        height, width = grey.shape[1:]
        size = min(height, THUMBNAIL), min(width, THUMBNAIL)
        self._rows.append(np.array(rows, dtype=np.int64))
        self._thumbnails.append(np.rint(averaged(grey, *size)).astype(np.uint8))
        self._colours.append(_coarse_colours(canvases, grey))

    def signatures(self) -> Signatures:
        """Everything observed so far."""
        if not self._rows:
            return Signatures(
                rows=np.empty(0, dtype=np.int64),
                thumbnails=np.empty((0, 1, 1), dtype=np.uint8),
                colours=np.empty((0, 3, COLOUR_CELLS, COLOUR_CELLS), dtype=np.int16),
            )
        rows = np.concatenate(self._rows)
        order = np.argsort(rows, kind="stable")
        return Signatures(
            rows=rows[order],
            thumbnails=np.concatenate(self._thumbnails)[order],
            colours=np.concatenate(self._colours)[order],
        )


def _grey(canvases: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [B, H, W, C] to float32 [B, H, W], 0..255."""
    if canvases.shape[3] == 1:
        return canvases[..., 0].astype(np.float32)
    return np.asarray(canvases @ _LUMA, dtype=np.float32)


def _coarse_colours(canvases: NDArray[np.uint8], grey: NDArray[np.float32]) -> NDArray[np.int16]:
    """uint8 [B, H, W, C] and its grey to int16 [B, 3, cells, cells]."""
    shape = (len(canvases), 3, COLOUR_CELLS, COLOUR_CELLS)
    if canvases.shape[3] == 1:
        return np.zeros(shape, dtype=np.int16)
    planes = [
        averaged(canvases[..., channel].astype(np.float32) - grey, COLOUR_CELLS, COLOUR_CELLS)
        for channel in range(3)
    ]
    return np.rint(np.stack(planes, axis=1)).astype(np.int16)


def averaged(planes: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """[..., H, W] to [..., height, width], each value the mean of what it covers."""
    down, across = _fractions(planes.shape[-2], height), _fractions(planes.shape[-1], width)
    return np.asarray(down @ planes @ across.T, dtype=np.float32)


def _fractions(length: int, cells: int) -> NDArray[np.float32]:
    """[cells, length] the fraction of each pixel in each cell; rows sum to 1."""
    edges = np.linspace(0, length, cells + 1)
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return np.asarray(np.maximum(overlap, 0) * cells / length, dtype=np.float32)
