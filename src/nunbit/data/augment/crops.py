"""Windows of an image, resized to the whole canvas again: what is seen changes, its size does not.

Resizing is bilinear and antialiased, as `torchvision.transforms.v2.functional.resized_crop` does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Generator, Tensor

from nunbit.data.augment.operation import Params, SampledOperation, uniform
from nunbit.data.augment.parameters import Span, span
from nunbit.data.augment.sampling import resample_rows_and_columns, resize_weights

_ATTEMPTS = 10
"""Tries to place a window of the sampled area and ratio inside the image, as in torchvision."""


def _crop_and_resize(images: Tensor, params: Params) -> Tensor:
    """Enlarge windows given by top, left, height and width, int64 [B] each, to the canvas."""
    top, left, high, wide = params
    height, width = images.shape[2:]
    return resample_rows_and_columns(
        images,
        resize_weights(top, high, side=height, out=height),
        resize_weights(left, wide, side=width, out=width),
    )


def _pixels(fraction: Tensor, side: int) -> Tensor:
    """Fraction of a side in whole pixels, at least one, int64 [B]."""
    return (fraction * side).round().long().clamp(1, side)


def _place(draw: Tensor, room: Tensor) -> Tensor:
    """Uniform integer from 0 to `room`, both included, int64 [B], from `draw` in [0, 1)."""
    return (draw * (room + 1)).floor().long()


@final
@dataclass(frozen=True, kw_only=True)
class Crop(SampledOperation):
    """Cut out a window of the canvas's own shape anywhere, and enlarge it to the canvas."""

    name: ClassVar[str] = "crop"
    fraction: Span = span(
        (0.8, 1.0), "sides of the window, as a fraction of the canvas", min_value=0.01, max_value=1
    )

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample top, left, height and width of the window, int64 [B] each."""
        height, width = images.shape[2:]
        fraction, top, left = uniform(images, generator, self.fraction, (0, 1), (0, 1))
        high, wide = _pixels(fraction, height), _pixels(fraction, width)
        return _place(top, height - high), _place(left, width - wide), high, wide

    def apply(self, images: Tensor, params: Params) -> Tensor:
        return _crop_and_resize(images, params)


@final
@dataclass(frozen=True, kw_only=True)
class CentreCrop(SampledOperation):
    """Cut out a window around the centre, and enlarge it to the canvas.

    With two equal fractions nothing is random.
    """

    name: ClassVar[str] = "centre-crop"
    fraction: Span = span(
        (0.875, 0.875),
        "sides of the window, as a fraction of the canvas",
        min_value=0.01,
        max_value=1,
    )

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample top, left, height and width of the window, int64 [B] each."""
        height, width = images.shape[2:]
        (fraction,) = uniform(images, generator, self.fraction)
        high, wide = _pixels(fraction, height), _pixels(fraction, width)
        return (height - high) // 2, (width - wide) // 2, high, wide

    def apply(self, images: Tensor, params: Params) -> Tensor:
        return _crop_and_resize(images, params)


@final
@dataclass(frozen=True, kw_only=True)
class Resize(SampledOperation):
    """Shrink the image and enlarge it again: detail is lost, as in a picture taken from afar."""

    name: ClassVar[str] = "resize"
    fraction: Span = span(
        (0.5, 1.0),
        "size before enlarging, as a fraction of the canvas",
        min_value=0.01,
        max_value=1,
    )

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample the smaller height and width, int64 [B] each."""
        (fraction,) = uniform(images, generator, self.fraction)
        return tuple(_pixels(fraction, side) for side in images.shape[2:])

    def apply(self, images: Tensor, params: Params) -> Tensor:
        rows, columns = (
            _shrink_and_enlarge(small, side)
            for small, side in zip(params, images.shape[2:], strict=True)
        )
        return resample_rows_and_columns(images, rows, columns)


def _shrink_and_enlarge(small: Tensor, side: int) -> Tensor:
    """Weights float32 [B, side, side] that shrink a side to [B] pixels and enlarge it again."""
    start, whole = torch.zeros_like(small), torch.full_like(small, side)
    # The first rows hold the small image; enlarging reads only those.
    place = torch.arange(side, device=small.device)
    scale = (whole / small)[:, None, None]
    centre = scale * (place[:, None] + 0.5)
    shrink = (1 - (place + 0.5 - centre).abs() / scale).clamp(min=0)
    shrink = shrink / shrink.sum(dim=2, keepdim=True).clamp(min=torch.finfo().tiny)
    return resize_weights(start, small, side=side, out=side) @ shrink


@final
@dataclass(frozen=True, kw_only=True)
class RandomResizedCrop(SampledOperation):
    """Cut out a window of a random area and shape, and resize it to the canvas."""

    name: ClassVar[str] = "random-resized-crop"
    scale: Span = span(
        (0.08, 1.0), "area of the window, as a fraction of the canvas", min_value=0.001, max_value=1
    )
    ratio: Span = span(
        (3 / 4, 4 / 3), "width over height, evenly on a log scale", min_value=0.01, max_value=100
    )

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample top, left, height and width of the window, int64 [B] each.

        As torchvision does: the first of ten windows that lies within the image, else the
        largest centred one whose shape is within the limits.
        """
        height, width = images.shape[2:]
        size = (2, _ATTEMPTS, len(images))
        draws = torch.rand(size, device=images.device, generator=generator)
        area = height * width * (self.scale[0] + (self.scale[1] - self.scale[0]) * draws[0])
        low, high = (math.log(limit) for limit in self.ratio)
        ratio = torch.exp(low + (high - low) * draws[1])
        wide, tall = torch.sqrt(area * ratio).round(), torch.sqrt(area / ratio).round()
        fits = (wide > 0) & (wide <= width) & (tall > 0) & (tall <= height)
        first = fits.int().argmax(dim=0, keepdim=True)
        found = fits.any(dim=0)
        centred = self._largest(height, width)
        wide = wide.gather(0, first)[0].where(found, wide.new_tensor(centred[1])).long()
        tall = tall.gather(0, first)[0].where(found, tall.new_tensor(centred[0])).long()
        top, left = uniform(images, generator, (0, 1), (0, 1))
        top = _place(top, height - tall).where(found, (height - tall) // 2)
        left = _place(left, width - wide).where(found, (width - wide) // 2)
        return top, left, tall, wide

    def _largest(self, height: int, width: int) -> tuple[int, int]:
        ratio = min(max(width / height, self.ratio[0]), self.ratio[1])
        tall, wide = min(height, round(width / ratio)), min(width, round(height * ratio))
        return max(1, tall), max(1, wide)

    def apply(self, images: Tensor, params: Params) -> Tensor:
        return _crop_and_resize(images, params)
