"""Changes of light and colour: every pixel keeps its place.

Grey images have no hue and no saturation: of them, brightness and contrast alone are changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar, final

import torch
from torch import Generator, Tensor

from nunbit.data.augment.colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_hsv,
    adjust_hue,
    adjust_saturation,
)
from nunbit.data.augment.operation import (
    DrawnOperation,
    Draws,
    by_choice,
    to_pixels,
    uniform,
    whole_numbers,
)
from nunbit.data.augment.parameters import Span, number, probability, span, whole
from nunbit.errors import ConfigError

_CLIP_STEPS = 8
"""The clip limit of CLAHE is one of so many and one values, evenly spaced: one call for each."""
_TILE_SIDE = 16
"""Pixels of the smallest tile's side: a histogram of few says nothing, and nothing is clipped."""


@final
@dataclass(frozen=True, kw_only=True)
class BrightnessContrast(DrawnOperation):
    """Multiply all values, then the distance from the mean brightness."""

    name: ClassVar[str] = "brightness-contrast"
    brightness: float = number(
        0.2, "values are multiplied by 1 − brightness to 1 + brightness", least=0, most=1
    )
    contrast: float = number(
        0.2, "distances from the mean by 1 − contrast to 1 + contrast", least=0, most=1
    )

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Both factors, float32 [B] each."""
        return uniform(images, generator, _around(self.brightness), _around(self.contrast))

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        brightness, contrast = drawn
        return adjust_contrast(adjust_brightness(images, brightness), contrast)


@final
@dataclass(frozen=True, kw_only=True)
class BrightnessRange(DrawnOperation):
    """Multiply all values by a factor from a range."""

    name: ClassVar[str] = "brightness-range"
    factor: Span = span((0.8, 1.2), "below 1 darkens, above 1 brightens", least=0, most=10)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """The factor, float32 [B]."""
        return uniform(images, generator, self.factor)

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        return adjust_brightness(images, *drawn)


@final
@dataclass(frozen=True, kw_only=True)
class HueSaturationValue(DrawnOperation):
    """Turn the hue, and add to saturation and value; of grey images, to the value alone."""

    name: ClassVar[str] = "hue-saturation-value"
    hue: float = number(
        0.05, "farthest turn to either side, as a share of the colour circle", least=0, most=0.5
    )
    saturation: float = number(0.15, "most that is added or taken off, of 1", least=0, most=1)
    value: float = number(0.1, "most that is added or taken off, of 1", least=0, most=1)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """What is added to each, float32 [B] each."""
        return uniform(
            images, generator, *((-most, most) for most in (self.hue, self.saturation, self.value))
        )

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        return adjust_hsv(images, *drawn)


@final
@dataclass(frozen=True, kw_only=True)
class ColourJitter(DrawnOperation):
    """Change brightness, contrast, saturation and hue, in an order of each image's own.

    As torchvision's ColorJitter.
    """

    name: ClassVar[str] = "colour-jitter"
    brightness: float = number(0.2, "factor 1 − brightness to 1 + brightness", least=0, most=1)
    contrast: float = number(0.2, "factor 1 − contrast to 1 + contrast", least=0, most=1)
    saturation: float = number(0.2, "factor 1 − saturation to 1 + saturation", least=0, most=1)
    hue: float = number(
        0.05, "farthest turn to either side, as a share of the colour circle", least=0, most=0.5
    )

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """The order int64 [B, 4], then the four factors, float32 [B] each."""
        order = torch.rand((len(images), 4), device=images.device, generator=generator)
        limits = map(_around, (self.brightness, self.contrast, self.saturation))
        return order.argsort(dim=1), *uniform(images, generator, *limits, (-self.hue, self.hue))

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        order, *factors = drawn
        adjust = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
        changes = [
            lambda some, rows, change=change, factor=factor: change(some, factor[rows])
            for change, factor in zip(adjust, factors, strict=True)
        ]
        for step in range(4):
            images = by_choice(images, order[:, step], changes)
        return images


@final
@dataclass(frozen=True, kw_only=True)
class ChannelShuffle(DrawnOperation):
    """Put red, green and blue into another order, each order as often; grey images stay."""

    name: ClassVar[str] = "channel-shuffle"
    probability: float = probability(0.5)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Which channel comes where, int64 [B, C]."""
        size = images.shape[:2]
        return (torch.rand(size, device=images.device, generator=generator).argsort(dim=1),)

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        (order,) = drawn
        return images.gather(1, order[:, :, None, None].expand_as(images))


@final
@dataclass(frozen=True, kw_only=True)
class GaussianNoise(DrawnOperation):
    """Add noise to every pixel and channel, with a strength of the image's own."""

    name: ClassVar[str] = "gaussian-noise"
    deviation: Span = span((0.01, 0.05), "standard deviation, white being 1", least=0, most=1)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """The strength, float32 [B], and standard normal numbers [B, C, H, W]."""
        (deviation,) = uniform(images, generator, self.deviation)
        noise = torch.randn(images.shape, device=images.device, generator=generator)
        return deviation, noise

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        deviation, noise = drawn
        return to_pixels(images + noise * (255 * deviation)[:, None, None, None])


@final
@dataclass(frozen=True, kw_only=True)
class Clahe(DrawnOperation):
    """Equalise the histogram tile by tile, of colours the lightness alone (CLAHE; needs kornia).

    Tiles have sides of at least 16 pixels, so small images get fewer of them, down to one. The clip
    limit is one of nine evenly spaced values.
    """

    name: ClassVar[str] = "clahe"
    clip_limit: Span = span(
        (1.0, 4.0), "how far contrast may rise; 1 hardly changes", least=0.1, most=100
    )
    tiles: int = whole(8, "tiles along each side", least=1, most=64)

    def __post_init__(self) -> None:
        """Refuse at once what would fail in the first batch."""
        super().__post_init__()
        if find_spec("kornia") is None:
            raise ConfigError(
                "clahe needs kornia, which is not installed",
                remedy="install it: pip install 'nunbit[augment]', or leave clahe out",
            )

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Number of the clip limit's step, int64 [B]."""
        return (whole_numbers(images, generator, 0, _CLIP_STEPS),)

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        low, high = self.clip_limit
        limits = [low + (high - low) * step / _CLIP_STEPS for step in range(_CLIP_STEPS + 1)]
        changes = [lambda some, _, limit=limit: self.equalise(some, limit) for limit in limits]
        return by_choice(images, drawn[0], changes)

    def equalise(self, images: Tensor, clip_limit: float) -> Tensor:
        """Equalise uint8 [B, C, H, W] with one clip limit for all."""
        from kornia.color import lab_to_rgb, rgb_to_lab
        from kornia.enhance import equalize_clahe

        if min(images.shape[2:]) == 1:
            return images  # kornia makes no tile of a line
        rows, columns = (max(1, min(self.tiles, side // _TILE_SIDE)) for side in images.shape[2:])
        values = images.to(torch.float32).contiguous() / 255
        if images.shape[1] == 1:
            return to_pixels(equalize_clahe(values, clip_limit, (rows, columns)).mul_(255))
        lab = rgb_to_lab(values)
        lightness = (lab[:, :1] / 100).clamp_(0, 1)
        lightness = equalize_clahe(lightness, clip_limit, (rows, columns)) * 100
        return to_pixels(lab_to_rgb(torch.cat((lightness, lab[:, 1:]), dim=1)).mul_(255))


def _around(most: float) -> Span:
    return 1 - most, 1 + most
