"""Changes of light and colour: every pixel keeps its place.

Grey images have no hue and no saturation: only their brightness and contrast change.
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
    Params,
    SampledOperation,
    apply_by_index,
    random_integers,
    to_uint8,
    uniform,
)
from nunbit.data.augment.parameters import Span, number, probability, span, whole
from nunbit.errors import ConfigError

_CLIP_STEPS = 8
"""Intervals between the evenly spaced clip limits of CLAHE; each limit needs a call of its own."""
_MIN_TILE_SIDE = 16
"""Minimum side of a tile in pixels: the histogram of a smaller one is too sparse to clip."""


@final
@dataclass(frozen=True, kw_only=True)
class BrightnessContrast(SampledOperation):
    """Multiply all values, then the distance from the mean brightness."""

    name: ClassVar[str] = "brightness-contrast"
    brightness: float = number(
        0.2, "values are multiplied by 1 − brightness to 1 + brightness", min_value=0, max_value=1
    )
    contrast: float = number(
        0.2, "distances from the mean by 1 − contrast to 1 + contrast", min_value=0, max_value=1
    )

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample both factors, float32 [B] each."""
        return uniform(images, generator, _around(self.brightness), _around(self.contrast))

    def apply(self, images: Tensor, params: Params) -> Tensor:
        brightness, contrast = params
        return adjust_contrast(adjust_brightness(images, brightness), contrast)


@final
@dataclass(frozen=True, kw_only=True)
class BrightnessRange(SampledOperation):
    """Multiply all values by a factor from a range."""

    name: ClassVar[str] = "brightness-range"
    factor: Span = span((0.8, 1.2), "below 1 darkens, above 1 brightens", min_value=0, max_value=10)

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample the factor, float32 [B]."""
        return uniform(images, generator, self.factor)

    def apply(self, images: Tensor, params: Params) -> Tensor:
        return adjust_brightness(images, *params)


@final
@dataclass(frozen=True, kw_only=True)
class HueSaturationValue(SampledOperation):
    """Turn the hue, and add to saturation and value; of grey images, to the value alone."""

    name: ClassVar[str] = "hue-saturation-value"
    hue: float = number(
        0.05,
        "maximum rotation to either side, as a fraction of the colour circle",
        min_value=0,
        max_value=0.5,
    )
    saturation: float = number(
        0.15, "maximum that is added or subtracted, of 1", min_value=0, max_value=1
    )
    value: float = number(
        0.1, "maximum that is added or subtracted, of 1", min_value=0, max_value=1
    )

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample what is added to hue, saturation and value, float32 [B] each."""
        return uniform(
            images,
            generator,
            *((-limit, limit) for limit in (self.hue, self.saturation, self.value)),
        )

    def apply(self, images: Tensor, params: Params) -> Tensor:
        return adjust_hsv(images, *params)


@final
@dataclass(frozen=True, kw_only=True)
class ColourJitter(SampledOperation):
    """Change brightness, contrast, saturation and hue, in a random order for each image.

    The same as torchvision's ColorJitter.
    """

    name: ClassVar[str] = "colour-jitter"
    brightness: float = number(
        0.2, "factor 1 − brightness to 1 + brightness", min_value=0, max_value=1
    )
    contrast: float = number(0.2, "factor 1 − contrast to 1 + contrast", min_value=0, max_value=1)
    saturation: float = number(
        0.2, "factor 1 − saturation to 1 + saturation", min_value=0, max_value=1
    )
    hue: float = number(
        0.05,
        "maximum rotation to either side, as a fraction of the colour circle",
        min_value=0,
        max_value=0.5,
    )

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample the order int64 [B, 4], then the four factors, float32 [B] each."""
        order = torch.rand((len(images), 4), device=images.device, generator=generator)
        limits = map(_around, (self.brightness, self.contrast, self.saturation))
        return order.argsort(dim=1), *uniform(images, generator, *limits, (-self.hue, self.hue))

    def apply(self, images: Tensor, params: Params) -> Tensor:
        order, *factors = params
        adjust = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
        changes = [
            lambda some, rows, change=change, factor=factor: change(some, factor[rows])
            for change, factor in zip(adjust, factors, strict=True)
        ]
        for step in range(4):
            images = apply_by_index(images, order[:, step], changes)
        return images


@final
@dataclass(frozen=True, kw_only=True)
class ChannelShuffle(SampledOperation):
    """Permute red, green and blue, each order equally likely; grey images stay."""

    name: ClassVar[str] = "channel-shuffle"
    probability: float = probability(0.5)

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample the order of the channels, int64 [B, C]."""
        size = images.shape[:2]
        return (torch.rand(size, device=images.device, generator=generator).argsort(dim=1),)

    def apply(self, images: Tensor, params: Params) -> Tensor:
        (order,) = params
        return images.gather(1, order[:, :, None, None].expand_as(images))


@final
@dataclass(frozen=True, kw_only=True)
class GaussianNoise(SampledOperation):
    """Add noise to every pixel and channel, with its own strength for each image."""

    name: ClassVar[str] = "gaussian-noise"
    deviation: Span = span(
        (0.01, 0.05), "standard deviation, white being 1", min_value=0, max_value=1
    )

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample the strength, float32 [B], and standard normal numbers [B, C, H, W]."""
        (deviation,) = uniform(images, generator, self.deviation)
        noise = torch.randn(images.shape, device=images.device, generator=generator)
        return deviation, noise

    def apply(self, images: Tensor, params: Params) -> Tensor:
        deviation, noise = params
        return to_uint8(images + noise * (255 * deviation)[:, None, None, None])


@final
@dataclass(frozen=True, kw_only=True)
class Clahe(SampledOperation):
    """Equalise the histogram tile by tile, of colours the lightness alone (CLAHE; needs kornia).

    Tiles have sides of at least 16 pixels, so small images get fewer of them, down to one. The clip
    limit is one of nine evenly spaced values.
    """

    name: ClassVar[str] = "clahe"
    clip_limit: Span = span(
        (1.0, 4.0), "how far contrast may rise; 1 hardly changes", min_value=0.1, max_value=100
    )
    tiles: int = whole(8, "tiles along each side", min_value=1, max_value=64)

    def __post_init__(self) -> None:
        """Fail here rather than in the first batch."""
        super().__post_init__()
        if find_spec("kornia") is None:
            raise ConfigError(
                "clahe needs kornia, which is not installed",
                remedy="install it: python -m pip install 'nunbit[augment]', or leave clahe out",
            )

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample the number of the clip limit, int64 [B]."""
        return (random_integers(images, generator, 0, _CLIP_STEPS),)

    def apply(self, images: Tensor, params: Params) -> Tensor:
        low, high = self.clip_limit
        limits = [low + (high - low) * step / _CLIP_STEPS for step in range(_CLIP_STEPS + 1)]
        changes = [lambda some, _, limit=limit: self.equalise(some, limit) for limit in limits]
        return apply_by_index(images, params[0], changes)

    def equalise(self, images: Tensor, clip_limit: float) -> Tensor:
        """Equalise uint8 [B, C, H, W] with one clip limit for all."""
        from kornia.color import lab_to_rgb, rgb_to_lab
        from kornia.enhance import equalize_clahe

        if min(images.shape[2:]) == 1:
            return images  # kornia makes no tile of a line
        rows, columns = (
            max(1, min(self.tiles, side // _MIN_TILE_SIDE)) for side in images.shape[2:]
        )
        values = images.to(torch.float32).contiguous() / 255
        if images.shape[1] == 1:
            return to_uint8(equalize_clahe(values, clip_limit, (rows, columns)).mul_(255))
        lab = rgb_to_lab(values)
        lightness = (lab[:, :1] / 100).clamp_(0, 1)
        lightness = equalize_clahe(lightness, clip_limit, (rows, columns)) * 100
        return to_uint8(lab_to_rgb(torch.cat((lightness, lab[:, 1:]), dim=1)).mul_(255))


def _around(spread: float) -> Span:
    return 1 - spread, 1 + spread
