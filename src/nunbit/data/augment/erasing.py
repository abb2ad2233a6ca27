"""Covering parts of an image, so that the network does not rely on one spot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Generator, Tensor

from nunbit.data.augment.operation import Params, SampledOperation, random_integers, uniform
from nunbit.data.augment.parameters import Span, number, probability, span


@final
@dataclass(frozen=True, kw_only=True)
class Erase(SampledOperation):
    """Cover one square with the image's mean (Zhong et al. 2020; DeVries and Taylor 2017)."""

    name: ClassVar[str] = "erase"
    probability: float = probability(0.5)
    fraction: float = number(
        0.3,
        "largest side of the square, as a fraction of the image's shorter side",
        min_value=0,
        max_value=1,
    )

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample top, left, height and width of the square in pixels, float32 [B] each."""
        height, width = images.shape[2:]
        max_side = self.fraction * min(height, width)
        side, top, left = uniform(images, generator, (0, max_side), (0, 1), (0, 1))
        side = side.ceil()
        top, left = (top * (height - side + 1)).floor(), (left * (width - side + 1)).floor()
        return top, left, side, side

    def apply(self, images: Tensor, params: Params) -> Tensor:
        mean = images.mean(dim=(2, 3), keepdim=True, dtype=torch.float32).round_()
        return torch.where(rectangle_mask(images, params), mean.to(torch.uint8), images)


@final
@dataclass(frozen=True, kw_only=True)
class CoarseDropout(SampledOperation):
    """Cover several rectangles with one grey level; they may overlap."""

    name: ClassVar[str] = "coarse-dropout"
    holes: Span = span((1, 8), "number of rectangles", min_value=1, max_value=100, whole=True)
    height: Span = span(
        (0.05, 0.2), "of a rectangle, as a fraction of the height", min_value=0, max_value=1
    )
    width: Span = span(
        (0.05, 0.2), "of a rectangle, as a fraction of the width", min_value=0, max_value=1
    )
    fill: float = number(0, "grey level of the rectangles", min_value=0, max_value=255)

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample top, left, height and width of rectangles in pixels, float32 [B, holes] each.

        Those beyond an image's own number of holes have no height.
        """
        low_count, high_count = (int(limit) for limit in self.holes)
        count = random_integers(images, generator, low_count, high_count)
        draws = torch.rand((4, len(images), high_count), device=images.device, generator=generator)
        heights, widths = (
            ((low + (high - low) * draw) * side).round_()
            for (low, high), draw, side in zip(
                (self.height, self.width), draws[:2], images.shape[2:], strict=True
            )
        )
        top = (draws[2] * (images.shape[2] - heights + 1)).floor_()
        left = (draws[3] * (images.shape[3] - widths + 1)).floor_()
        there = torch.arange(high_count, device=images.device) < count[:, None]
        return top, left, heights * there, widths

    def apply(self, images: Tensor, params: Params) -> Tensor:
        holes = torch.zeros((), dtype=torch.bool, device=images.device)
        for rectangle in zip(*(values.unbind(1) for values in params), strict=True):
            holes = holes | rectangle_mask(images, rectangle)
        return images.masked_fill(holes, round(self.fill))


def rectangle_mask(images: Tensor, rectangles: Params) -> Tensor:
    """Mask of rectangles, bool [B, 1, H, W].

    Args:
        images: [B, C, H, W].
        rectangles: top, left, height and width in pixels, [B] each.
    """
    top, left, height, width = (values[:, None] for values in rectangles)
    row = torch.arange(images.shape[2], device=images.device)
    column = torch.arange(images.shape[3], device=images.device)
    rows = (row >= top) & (row < top + height)
    columns = (column >= left) & (column < left + width)
    return (rows[:, :, None] & columns[:, None, :])[:, None]
