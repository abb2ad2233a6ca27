"""Mirrors, quarter turns and moves by whole pixels: pixels change their place, not their value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Generator, Tensor

from nunbit.data.augment.operation import (
    DrawnOperation,
    Draws,
    Operation,
    by_choice,
    whole_numbers,
)
from nunbit.data.augment.parameters import choice, number, probability
from nunbit.data.augment.sampling import BORDER_MEANING, BORDERS, FILL_MEANING, move


@final
@dataclass(frozen=True, kw_only=True)
class HorizontalFlip(Operation):
    """Mirror left and right."""

    name: ClassVar[str] = "horizontal-flip"
    probability: float = probability(0.5)

    def change(self, images: Tensor, generator: Generator) -> Tensor:
        return images.flip(-1)


@final
@dataclass(frozen=True, kw_only=True)
class VerticalFlip(Operation):
    """Mirror top and bottom."""

    name: ClassVar[str] = "vertical-flip"
    probability: float = probability(0.5)

    def change(self, images: Tensor, generator: Generator) -> Tensor:
        return images.flip(-2)


@final
@dataclass(frozen=True, kw_only=True)
class RandomRotation90(DrawnOperation):
    """Turn by a quarter, a half, three quarters or not at all, each as often.

    A canvas that is not square cannot hold a quarter turn: it is turned by a half or not at all.
    """

    name: ClassVar[str] = "random-rotation-90"

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Quarter turns counter-clockwise, int64 [B]."""
        if images.shape[2] == images.shape[3]:
            return (whole_numbers(images, generator, 0, 3),)
        return (2 * whole_numbers(images, generator, 0, 1),)

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        (quarters,) = drawn
        turns = [
            lambda some, _, quarters=quarters: torch.rot90(some, quarters, (2, 3))
            for quarters in range(4)
        ]
        return by_choice(images, quarters, turns)


def _most(fraction: float, side: int) -> int:
    return round(fraction * side)


@final
@dataclass(frozen=True, kw_only=True)
class Shift(DrawnOperation):
    """Move by whole pixels, in both directions independently."""

    name: ClassVar[str] = "shift"
    fraction: float = number(0.08, "farthest move, as a share of the side", least=0, most=1)
    border: str = choice("replicate", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, least=0, most=255)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Pixels down and to the right, int64 [B] each."""
        down, right = (_most(self.fraction, side) for side in images.shape[2:])
        return (
            whole_numbers(images, generator, -down, down),
            whole_numbers(images, generator, -right, right),
        )

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        return move(images, *drawn, border=self.border, fill=self.fill)


@final
@dataclass(frozen=True, kw_only=True)
class WidthShift(DrawnOperation):
    """Move left or right by whole pixels."""

    name: ClassVar[str] = "width-shift"
    fraction: float = number(0.1, "farthest move, as a share of the width", least=0, most=1)
    border: str = choice("replicate", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, least=0, most=255)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Pixels to the right, int64 [B]."""
        most = _most(self.fraction, images.shape[3])
        return (whole_numbers(images, generator, -most, most),)

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        (right,) = drawn
        return move(images, torch.zeros_like(right), right, border=self.border, fill=self.fill)


@final
@dataclass(frozen=True, kw_only=True)
class HeightShift(DrawnOperation):
    """Move up or down by whole pixels."""

    name: ClassVar[str] = "height-shift"
    fraction: float = number(0.1, "farthest move, as a share of the height", least=0, most=1)
    border: str = choice("replicate", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, least=0, most=255)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Pixels down, int64 [B]."""
        most = _most(self.fraction, images.shape[2])
        return (whole_numbers(images, generator, -most, most),)

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        (down,) = drawn
        return move(images, down, torch.zeros_like(down), border=self.border, fill=self.fill)
