"""Rotations and zooms about the centre, with bilinear interpolation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Generator, Tensor

from nunbit.data.augment.operation import Params, SampledOperation, uniform
from nunbit.data.augment.parameters import Span, choice, number, span
from nunbit.data.augment.sampling import (
    BORDER_MEANING,
    BORDERS,
    FILL_MEANING,
    affine_matrices,
    warp,
)


@final
@dataclass(frozen=True, kw_only=True)
class Rotation(SampledOperation):
    """Rotate about the centre by any angle up to a maximum, to either side."""

    name: ClassVar[str] = "rotation"
    degrees: float = number(15, "maximum rotation to either side", min_value=0, max_value=180)
    border: str = choice("reflect", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, min_value=0, max_value=255)

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample degrees counter-clockwise, float32 [B]."""
        return uniform(images, generator, (-self.degrees, self.degrees))

    def apply(self, images: Tensor, params: Params) -> Tensor:
        (degrees,) = params
        matrices = affine_matrices(degrees, torch.ones_like(degrees))
        return warp(images, matrices, border=self.border, fill=self.fill)


@final
@dataclass(frozen=True, kw_only=True)
class Zoom(SampledOperation):
    """Enlarge or shrink about the centre, both sides by the same factor.

    Factors are uniform on a log scale, so that halving is as likely as doubling.
    """

    name: ClassVar[str] = "zoom"
    factor: Span = span((0.9, 1.1), "size of things; above 1 enlarges", min_value=0.1, max_value=10)
    border: str = choice("replicate", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, min_value=0, max_value=255)

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample the factor, float32 [B]."""
        return (_log_uniform(images, generator, self.factor),)

    def apply(self, images: Tensor, params: Params) -> Tensor:
        (factor,) = params
        matrices = affine_matrices(torch.zeros_like(factor), factor)
        return warp(images, matrices, border=self.border, fill=self.fill)


@final
@dataclass(frozen=True, kw_only=True)
class Affine(SampledOperation):
    """Rotate about the centre and zoom."""

    name: ClassVar[str] = "affine"
    degrees: float = number(10, "maximum rotation to either side", min_value=0, max_value=180)
    zoom: float = number(
        0.1,
        "sides are scaled by a factor from 1/(1 + zoom) to 1 + zoom, uniform on a log scale",
        min_value=0,
        max_value=10,
    )
    border: str = choice("replicate", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, min_value=0, max_value=255)

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample degrees counter-clockwise and the factor, float32 [B] each."""
        (degrees,) = uniform(images, generator, (-self.degrees, self.degrees))
        return degrees, _log_uniform(images, generator, (1 / (1 + self.zoom), 1 + self.zoom))

    def apply(self, images: Tensor, params: Params) -> Tensor:
        return warp(images, affine_matrices(*params), border=self.border, fill=self.fill)


@final
@dataclass(frozen=True, kw_only=True)
class ShiftScaleRotate(SampledOperation):
    """Rotate about the centre, scale and shift in one resampling."""

    name: ClassVar[str] = "shift-scale-rotate"
    shift: float = number(
        0.0625, "maximum shift, as a fraction of the side", min_value=0, max_value=1
    )
    scale: float = number(
        0.1, "sides are scaled by a factor from 1 − scale to 1 + scale", min_value=0, max_value=0.9
    )
    degrees: float = number(45, "maximum rotation to either side", min_value=0, max_value=180)
    border: str = choice("reflect", BORDER_MEANING, options=BORDERS)
    fill: float = number(0, FILL_MEANING, min_value=0, max_value=255)

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample degrees, factor, pixels to the right and down, float32 [B] each."""
        height, width = images.shape[2:]
        return uniform(
            images,
            generator,
            (-self.degrees, self.degrees),
            (1 - self.scale, 1 + self.scale),
            (-self.shift * width, self.shift * width),
            (-self.shift * height, self.shift * height),
        )

    def apply(self, images: Tensor, params: Params) -> Tensor:
        degrees, factor, right, down = params
        matrices = affine_matrices(degrees, factor, torch.stack((right, down), dim=1))
        return warp(images, matrices, border=self.border, fill=self.fill)


def _log_uniform(images: Tensor, generator: Generator, limits: Span) -> Tensor:
    (exponent,) = uniform(images, generator, (math.log(limits[0]), math.log(limits[1])))
    return exponent.exp()
