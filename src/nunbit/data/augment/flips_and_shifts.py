"""Flips, quarter turns and shifts by whole pixels: pixels change their place, not their value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Generator, Tensor

from nunbit.data.augment.operation import (
    Operation,
    Params,
    SampledOperation,
    apply_by_index,
    random_integers,
)
from nunbit.data.augment.parameters import choice, number, probability
from nunbit.data.augment.sampling import BORDER_MEANING, BORDERS, FILL_MEANING, translate


@final
@dataclass(frozen=True, kw_only=True)
class HorizontalFlip(Operation):
    """Flip left and right."""

    name: ClassVar[str] = "horizontal-flip"
    probability: float = probability(0.5)

    def change(self, images: Tensor, generator: Generator) -> Tensor:
        return images.flip(-1)


@final
@dataclass(frozen=True, kw_only=True)
class VerticalFlip(Operation):
    """Flip top and bottom."""

    name: ClassVar[str] = "vertical-flip"
    probability: float = probability(0.5)

    def change(self, images: Tensor, generator: Generator) -> Tensor:
        return images.flip(-2)


@final
@dataclass(frozen=True, kw_only=True)
class RandomRotation90(SampledOperation):
    """Rotate by 0, 90, 180 or 270 degrees, each equally likely.

    A canvas that is not square is rotated by 0 or 180 degrees only.
    """

    name: ClassVar[str] = "random-rotation-90"

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample quarter turns counter-clockwise, int64 [B]."""
        if images.shape[2] == images.shape[3]:
            return (random_integers(images, generator, 0, 3),)
        return (2 * random_integers(images, generator, 0, 1),)

    def apply(self, images: Tensor, params: Params) -> Tensor:
        (quarters,) = params
        turns = [
            lambda some, _, quarters=quarters: torch.rot90(some, quarters, (2, 3))
            for quarters in range(4)
        ]
        return apply_by_index(images, quarters, turns)


@dataclass(frozen=True, kw_only=True)
class _Shift(SampledOperation):
    """Shift by whole pixels along one direction or both, independently."""

    vertical: ClassVar[bool] = True
    horizontal: ClassVar[bool] = True
    fraction: float = number(
        0.08, "maximum shift, as a fraction of the side", min_value=0, max_value=1
    )
    border: str = choice("replicate", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, min_value=0, max_value=255)

    @final
    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample pixels down and to the right, int64 [B] each, 0 along the other direction."""
        return tuple(
            random_integers(images, generator, -limit, limit)
            if moves
            else torch.zeros(len(images), dtype=torch.int64, device=images.device)
            for moves, limit in zip(
                (self.vertical, self.horizontal),
                (round(self.fraction * side) for side in images.shape[2:]),
                strict=True,
            )
        )

    @final
    def apply(self, images: Tensor, params: Params) -> Tensor:
        return translate(images, *params, border=self.border, fill=self.fill)


@final
@dataclass(frozen=True, kw_only=True)
class Shift(_Shift):
    """Shift by whole pixels, in both directions independently."""

    name: ClassVar[str] = "shift"


@final
@dataclass(frozen=True, kw_only=True)
class WidthShift(_Shift):
    """Shift left or right by whole pixels."""

    name: ClassVar[str] = "width-shift"
    vertical: ClassVar[bool] = False
    fraction: float = number(
        0.1, "maximum shift, as a fraction of the width", min_value=0, max_value=1
    )


@final
@dataclass(frozen=True, kw_only=True)
class HeightShift(_Shift):
    """Shift up or down by whole pixels."""

    name: ClassVar[str] = "height-shift"
    horizontal: ClassVar[bool] = False
    fraction: float = number(
        0.1, "maximum shift, as a fraction of the height", min_value=0, max_value=1
    )
