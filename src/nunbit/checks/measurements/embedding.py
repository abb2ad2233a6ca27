"""Embedding of a picture for finding wrong labels and outliers: a vector of features.

N samples, n images observed, B images in a batch, H height, W width, C channels, D features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.measurements.features import describe

Embed: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Function from canvases uint8 [B, H, W, C] to features float32 [B, D]."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """Features of n images, in ascending order of `rows`."""

    rows: NDArray[np.int64]
    """[n] row numbers in the `Samples`."""
    values: NDArray[np.float32]
    """[n, D]"""

    def __len__(self) -> int:
        return len(self.rows)


class EmbeddingObserver:
    """Gathers the features in one pass over the pixels.

    Memory: 4 bytes for each feature, of which there are 160 to 540 without a backbone.
    """

    def __init__(self, embed: Embed = describe) -> None:
        """Use `describe`, own features from the pixels, or a `Backbone`."""
        self._embed = embed
        self._rows: list[NDArray[np.int64]] = []
        self._values: list[NDArray[np.float32]] = []

    def observe(self, rows: NDArray[np.int64], canvases: NDArray[np.uint8]) -> None:
        """Add a batch: row numbers int64 [B] and uint8 [B, H, W, C], C = 1 or 3."""
        self._rows.append(np.array(rows, dtype=np.int64))
        self._values.append(self._embed(canvases))

    @property
    def dimensions(self) -> int:
        """D, after the first batch."""
        return self._values[0].shape[1] if self._values else 0

    def features(self) -> Features:
        """Everything observed so far."""
        if not self._rows:
            return Features(rows=np.empty(0, np.int64), values=np.empty((0, 1), np.float32))
        rows = np.concatenate(self._rows)
        values = np.concatenate(self._values)
        self._rows, self._values = [rows], [values]  # the pieces are not kept beside the whole
        if (rows[1:] < rows[:-1]).any():
            order = np.argsort(rows, kind="stable")
            rows, values = rows[order], values[order]
        return Features(rows=rows, values=values)
