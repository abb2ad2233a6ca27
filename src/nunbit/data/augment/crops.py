"""Windows of an image, resized to the whole canvas again: what is seen changes, its size does not.

Resizing is bilinear and antialiased, as `torchvision.transforms.v2.functional.resized_crop` does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Generator, Tensor

from nunbit.data.augment.operation import DrawnOperation, Draws, uniform
from nunbit.data.augment.parameters import Span, span
from nunbit.data.augment.sampling import reweighted, window

_ATTEMPTS = 10
"""Tries to find a window of the drawn area and ratio that lies within, as in torchvision."""


def _cut(images: Tensor, drawn: Draws) -> Tensor:
    """Windows given by top, left, height and width, int64 [B] each, enlarged to the canvas."""
    top, left, high, wide = drawn
    height, width = images.shape[2:]
    return reweighted(
        images,
        window(top, high, side=height, out=height),
        window(left, wide, side=width, out=width),
    )


def _pixels(share: Tensor, side: int) -> Tensor:
    """int64 [B], a share of a side in whole pixels, at least one."""
    return (share * side).round().long().clamp(1, side)


def _place(draw: Tensor, room: Tensor) -> Tensor:
    """int64 [B], evenly from 0 to `room`, both included, from a number below 1."""
    return (draw * (room + 1)).floor().long()


@final
@dataclass(frozen=True, kw_only=True)
class Crop(DrawnOperation):
    """Cut out a window of the canvas's own shape anywhere, and enlarge it to the canvas."""

    name: ClassVar[str] = "crop"
    share: Span = span((0.8, 1.0), "sides of the window, as a share", least=0.01, most=1)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Top, left, height and width of the window, int64 [B] each."""
        height, width = images.shape[2:]
        share, top, left = uniform(images, generator, self.share, (0, 1), (0, 1))
        high, wide = _pixels(share, height), _pixels(share, width)
        return _place(top, height - high), _place(left, width - wide), high, wide

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        return _cut(images, drawn)


@final
@dataclass(frozen=True, kw_only=True)
class CentreCrop(DrawnOperation):
    """Cut out a window around the centre, and enlarge it to the canvas.

    With two equal shares nothing is left to chance.
    """

    name: ClassVar[str] = "centre-crop"
    share: Span = span((0.875, 0.875), "sides of the window, as a share", least=0.01, most=1)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Top, left, height and width of the window, int64 [B] each."""
        height, width = images.shape[2:]
        (share,) = uniform(images, generator, self.share)
        high, wide = _pixels(share, height), _pixels(share, width)
        return (height - high) // 2, (width - wide) // 2, high, wide

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        return _cut(images, drawn)


@final
@dataclass(frozen=True, kw_only=True)
class Resize(DrawnOperation):
    """Shrink the image and enlarge it again: detail is lost, as in a picture taken from afar."""

    name: ClassVar[str] = "resize"
    share: Span = span((0.5, 1.0), "size before enlarging, as a share", least=0.01, most=1)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Height and width in between, int64 [B] each."""
        (share,) = uniform(images, generator, self.share)
        return tuple(_pixels(share, side) for side in images.shape[2:])

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        rows, columns = (
            _there_and_back(small, side)
            for small, side in zip(drawn, images.shape[2:], strict=True)
        )
        return reweighted(images, rows, columns)


def _there_and_back(small: Tensor, side: int) -> Tensor:
    """Weights float32 [B, side, side] that shrink a side to [B] pixels and enlarge it again."""
    start, whole = torch.zeros_like(small), torch.full_like(small, side)
    # The first so many rows hold the small image, and enlarging reads no others.
    place = torch.arange(side, device=small.device)
    scale = (whole / small)[:, None, None]
    centre = scale * (place[:, None] + 0.5)
    shrink = (1 - (place + 0.5 - centre).abs() / scale).clamp(min=0)
    shrink = shrink / shrink.sum(dim=2, keepdim=True).clamp(min=torch.finfo().tiny)
    return window(start, small, side=side, out=side) @ shrink


@final
@dataclass(frozen=True, kw_only=True)
class RandomResizedCrop(DrawnOperation):
    """Cut out a window of a random area and shape, and resize it to the canvas."""

    name: ClassVar[str] = "random-resized-crop"
    scale: Span = span((0.08, 1.0), "area of the window, as a share", least=0.001, most=1)
    ratio: Span = span(
        (3 / 4, 4 / 3), "width over height, evenly on a log scale", least=0.01, most=100
    )

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Top, left, height and width of the window, int64 [B] each.

        As torchvision draws: the first of ten windows that lies within the image, else the
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

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        return _cut(images, drawn)
