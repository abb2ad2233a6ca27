"""Gaussian blur with its own strength for each image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from nunbit.data.augment.operation import Params, SampledOperation, uniform
from nunbit.data.augment.parameters import Span, span
from nunbit.data.augment.sampling import resample_rows_and_columns


@final
@dataclass(frozen=True, kw_only=True)
class Blur(SampledOperation):
    """Gaussian blur; at the border the image is mirrored."""

    name: ClassVar[str] = "blur"
    deviation: Span = span((0.1, 1.5), "standard deviation in pixels", min_value=0.01, max_value=50)

    @property
    def reach(self) -> int:
        """Pixels to either side that are averaged: three of the largest deviations."""
        return math.ceil(3 * self.deviation[1])

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample the standard deviation, float32 [B]."""
        return uniform(images, generator, self.deviation)

    def apply(self, images: Tensor, params: Params) -> Tensor:
        (deviation,) = params
        offsets = torch.arange(-self.reach, self.reach + 1, device=images.device)
        kernel = torch.softmax(-0.5 * (offsets / deviation[:, None]) ** 2, dim=1)
        rows, columns = (
            (kernel @ _reached(side, self.reach, images.device)).view(-1, side, side)
            for side in images.shape[2:]
        )
        return resample_rows_and_columns(images, rows, columns)


@lru_cache(maxsize=8)
def _reached(side: int, reach: int, device: torch.device) -> Tensor:
    """One-hot pixel that each offset from each place reads, float32 [2 · reach + 1, side · side].

    Beyond the border lies the mirror image without the border's own pixel, as in torchvision.
    """
    places = torch.arange(side) + torch.arange(-reach, reach + 1)[:, None]
    period = max(1, 2 * side - 2)
    there = places.remainder(period)
    with torch.inference_mode(False):
        return F.one_hot(torch.minimum(there, period - there), side).flatten(1).float().to(device)
