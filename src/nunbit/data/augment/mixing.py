"""Images mixed with others of their batch; their targets become class probabilities.

B images, K classes, C channels, H height, W width. Each image keeps its own fraction and is mixed
with the one before it in the batch, whose order changes every epoch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, final

import numpy as np
import torch
from scipy.special import betaincinv
from torch import Generator, Tensor

from nunbit.data.augment.parameters import Configured, number

_NODES = 4096
"""Steps of the inverse distribution function: no probability is off by more than one of them."""


@dataclass(frozen=True, kw_only=True)
class Mixing(Configured, ABC):
    """Mixing of each image of a batch with another."""

    alpha: float = number(
        1.0,
        "the fraction is drawn from Beta(alpha, alpha): uniform at 1, closer to one image below",
        min_value=0.05,
        max_value=100,
    )

    @final
    def __call__(
        self, images: Tensor, targets: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """Mix uint8 [B, C, H, W] and float32 [B, K]; the given tensors are left as they are."""
        own = _beta(self.alpha, images, generator)
        draw = torch.rand(len(images), device=images.device, generator=generator)
        own = own.where(draw < self.probability, 1)
        mixed, own = self.mix(images, own, generator)
        own = own[:, None]
        return mixed, targets * own + targets.roll(1, 0) * (1 - own)

    @abstractmethod
    def mix(self, images: Tensor, own: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Mix uint8 [B, C, H, W]; `own` is the fraction float32 [B] that each image keeps.

        Returns the images and the fractions that they really kept.
        """


@final
@dataclass(frozen=True, kw_only=True)
class MixUp(Mixing):
    """Average two images, and their targets, by the same fraction (Zhang et al. 2018)."""

    name: ClassVar[str] = "mix-up"

    def mix(self, images: Tensor, own: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        fraction = own[:, None, None, None]
        mixed = images * fraction + images.roll(1, 0) * (1 - fraction)
        return mixed.round_().to(torch.uint8), own


@final
@dataclass(frozen=True, kw_only=True)
class CutMix(Mixing):
    """Put a rectangle of another image in; targets are mixed by its area (Yun et al. 2019)."""

    name: ClassVar[str] = "cut-mix"

    def mix(self, images: Tensor, own: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        height, width = images.shape[2:]
        centre = torch.rand((2, len(images)), device=images.device, generator=generator)
        half = 0.5 * torch.sqrt(1 - own)
        rows, tall = _covered_interval(centre[0], half, height)
        columns, wide = _covered_interval(centre[1], half, width)
        inside = rows[:, None, :, None] & columns[:, None, None, :]
        return torch.where(inside, images.roll(1, 0), images), 1 - tall * wide / (height * width)


def _covered_interval(centre: Tensor, half: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Mask of the pixels of a side that are covered, bool [B, side], and their number, [B]."""
    middle, reach = (centre * side).floor(), (half * side).floor()
    low, high = (middle - reach).clamp(min=0), (middle + reach).clamp(max=side)
    place = torch.arange(side, device=centre.device)
    return (place >= low[:, None]) & (place < high[:, None]), high - low


def _beta(alpha: float, images: Tensor, generator: Generator) -> Tensor:
    """Samples from Beta(alpha, alpha), float32 [B]; torch's own sampler takes no generator."""
    quantiles = _quantiles(alpha, images.device)
    place = torch.rand(len(images), device=images.device, generator=generator) * _NODES
    node = place.floor()
    low, high = quantiles[node.long()], quantiles[node.long() + 1]
    return low + (high - low) * (place - node)


@lru_cache(maxsize=16)
def _quantiles(alpha: float, device: torch.device) -> Tensor:
    values = betaincinv(alpha, alpha, np.linspace(0, 1, _NODES + 1))
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.float32, device=device)
