"""Brightness and sharpness of test images, of which slices are made.

N samples, B images in a batch, H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nunbit.checks.measurements.appearance import brightness_and_sharpness
from nunbit.data.pixels import Pixels
from nunbit.data.preprocess import Preprocess


class MeasuredPixels:
    """Pixels whose brightness and sharpness are measured as they pass: none is decoded for it."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self.preprocess: Preprocess = pixels.preprocess
        self.reasons = pixels.reasons
        self.brightness = np.full(len(self.reasons), np.nan)
        """[N] mean grey level 0..255; not a number where no pixels have passed."""
        self.sharpness = np.full(len(self.reasons), np.nan)
        """[N] see `doctor.appearance.Appearance`."""

    def stream(self, index_batches: Iterable[NDArray[np.int64]]) -> Iterator[Tensor]:
        """See `Pixels.stream`."""
        groups = list(index_batches)  # read twice: by the store and here
        for rows, canvases in zip(groups, self._pixels.stream(groups), strict=True):
            measured = brightness_and_sharpness(canvases.numpy())
            self.brightness[rows], self.sharpness[rows] = measured
            yield canvases
