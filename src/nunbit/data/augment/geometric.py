"""Turns and zooms about the centre, bilinearly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Generator, Tensor

from nunbit.data.augment.operation import DrawnOperation, Draws, uniform
from nunbit.data.augment.parameters import Span, choice, number, span
from nunbit.data.augment.sampling import BORDER_MEANING, BORDERS, FILL_MEANING, turning, warp


@final
@dataclass(frozen=True, kw_only=True)
class Rotation(DrawnOperation):
    """Turn about the centre by any angle up to a largest one, to either side."""

    name: ClassVar[str] = "rotation"
    degrees: float = number(15, "largest turn to either side", least=0, most=180)
    border: str = choice("reflect", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, least=0, most=255)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Degrees counter-clockwise, float32 [B]."""
        return uniform(images, generator, (-self.degrees, self.degrees))

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        (degrees,) = drawn
        matrices = turning(degrees, torch.ones_like(degrees))
        return warp(images, matrices, border=self.border, fill=self.fill)


@final
@dataclass(frozen=True, kw_only=True)
class Zoom(DrawnOperation):
    """Enlarge or shrink about the centre, both sides by the same factor.

    Factors are drawn evenly on a log scale, so that halving is as likely as doubling.
    """

    name: ClassVar[str] = "zoom"
    factor: Span = span((0.9, 1.1), "size of things; above 1 enlarges", least=0.1, most=10)
    border: str = choice("replicate", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, least=0, most=255)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """The factor, float32 [B]."""
        return (_log_even(images, generator, self.factor),)

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        (factor,) = drawn
        matrices = turning(torch.zeros_like(factor), factor)
        return warp(images, matrices, border=self.border, fill=self.fill)


@final
@dataclass(frozen=True, kw_only=True)
class Affine(DrawnOperation):
    """Turn about the centre and zoom."""

    name: ClassVar[str] = "affine"
    degrees: float = number(10, "largest turn to either side", least=0, most=180)
    zoom: float = number(
        0.1,
        "sides are scaled by a factor from 1/(1 + zoom) to 1 + zoom, evenly on a log scale",
        least=0,
        most=10,
    )
    border: str = choice("replicate", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, least=0, most=255)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Degrees counter-clockwise and the factor, float32 [B] each."""
        (degrees,) = uniform(images, generator, (-self.degrees, self.degrees))
        return degrees, _log_even(images, generator, (1 / (1 + self.zoom), 1 + self.zoom))

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        return warp(images, turning(*drawn), border=self.border, fill=self.fill)


@final
@dataclass(frozen=True, kw_only=True)
class ShiftScaleRotate(DrawnOperation):
    """Turn about the centre, scale and move, all at once."""

    name: ClassVar[str] = "shift-scale-rotate"
    shift: float = number(0.0625, "farthest move, as a share of the side", least=0, most=1)
    scale: float = number(
        0.1, "sides are scaled by a factor from 1 − scale to 1 + scale", least=0, most=0.9
    )
    degrees: float = number(45, "largest turn to either side", least=0, most=180)
    border: str = choice("reflect", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, least=0, most=255)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Degrees, factor, pixels to the right and down, float32 [B] each."""
        height, width = images.shape[2:]
        return uniform(
            images,
            generator,
            (-self.degrees, self.degrees),
            (1 - self.scale, 1 + self.scale),
            (-self.shift * width, self.shift * width),
            (-self.shift * height, self.shift * height),
        )

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        degrees, factor, right, down = drawn
        matrices = turning(degrees, factor, torch.stack((right, down), dim=1))
        return warp(images, matrices, border=self.border, fill=self.fill)


def _log_even(images: Tensor, generator: Generator, limits: Span) -> Tensor:
    (exponent,) = uniform(images, generator, (math.log(limits[0]), math.log(limits[1])))
    return exponent.exp()
