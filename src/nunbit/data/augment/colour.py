"""Arithmetic on colours with a factor for each image, as torchvision does it with one for all.

Formulas are those of `torchvision.transforms.v2.functional`, its truncation to whole grey levels
included (hue and value are rounded): results are the same but for one level here and there, where
float32 rounds otherwise. B images, C channels (1 or 3), H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor

_GREY = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in brightness (ITU-R 601, as torchvision rounds them)."""


def blend(images: Tensor, others: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of images and others; a weight above 1 moves away from the others.

    Args:
        images: uint8 [B, C, H, W].
        others: float32, broadcast to it.
        weight: float32 [B], of `images`.
    """
    weight = weight[:, None, None, None]
    return (images * weight + others * (1 - weight)).clamp_(0, 255).to(torch.uint8)


def grey_of(images: Tensor) -> Tensor:
    """Brightness of each pixel, float32 [B, 1, H, W], not rounded."""
    values = images.to(torch.float32)
    if images.shape[1] == 1:
        return values
    red, green, blue = values.unbind(1)
    return (red * _GREY[0]).add_(green, alpha=_GREY[1]).add_(blue, alpha=_GREY[2])[:, None]


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply all values: 0 is black, 1 changes nothing."""
    return (images * factor[:, None, None, None]).clamp_(0, 255).to(torch.uint8)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply the distance from the image's mean brightness: 0 is plain grey."""
    mean = grey_of(images).floor_().mean(dim=(1, 2, 3), keepdim=True)
    return blend(images, mean, factor)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply the distance from each pixel's brightness: 0 is grey. Grey images stay."""
    if images.shape[1] == 1:
        return images
    return blend(images, grey_of(images).floor_(), factor)


def adjust_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Turn the colour circle by a fraction of it, −0.5 to 0.5. Grey images stay."""
    if images.shape[1] == 1:
        return images
    hue, saturation, value = rgb_to_hsv(images.to(torch.float32) / 255)
    hue = (hue + turn[:, None, None]).remainder(1)
    return hsv_to_rgb(hue, saturation, value).mul_(255).round_().to(torch.uint8)


def adjust_hsv(images: Tensor, turn: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Turn the hue, add to saturation and value (0 to 1); of grey images, to the value alone."""
    values = images.to(torch.float32) / 255
    if images.shape[1] == 1:
        changed = (values + value[:, None, None, None]).clamp_(0, 1)
    else:
        h, s, v = rgb_to_hsv(values)
        changed = hsv_to_rgb(
            (h + turn[:, None, None]).remainder(1),
            (s + saturation[:, None, None]).clamp(0, 1),
            (v + value[:, None, None]).clamp(0, 1),
        )
    return changed.mul_(255).round_().to(torch.uint8)


def rgb_to_hsv(colours: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Float [B, 3, H, W] to hue, saturation and value, [B, H, W] each; everything from 0 to 1."""
    red, green, blue = colours.unbind(1)
    value, largest = colours.max(dim=1)
    spread = value - colours.amin(dim=1)
    some = spread.where(spread > 0, 1)
    sixths = torch.stack((green - blue, blue - red, red - green), dim=1) / some[:, None]
    hue = sixths.gather(1, largest[:, None])[:, 0] + 2 * largest
    return (hue / 6).remainder(1), spread / value.where(value > 0, 1), value


def hsv_to_rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """The inverse of `rgb_to_hsv`, float [B, 3, H, W]."""
    offsets = hue.new_tensor([5, 3, 1])[:, None, None]
    sixths = (offsets + 6 * hue[:, None]).remainder(6)
    away = torch.minimum(sixths, 4 - sixths).clamp_(0, 1)
    return value[:, None] * (1 - saturation[:, None] * away)
