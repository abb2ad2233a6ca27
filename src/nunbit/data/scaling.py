"""The usual ways to scale pixels: what is taken off and divided by, of pixels scaled to 0..1.

C channels. The network sees (x/255 - mean) / std.
"""

from __future__ import annotations

from typing import Literal, get_args

FixedScaling = Literal["zero-one", "minus-one-one", "imagenet"]
"""Those that do not depend on the data."""
FIXED_SCALINGS: tuple[FixedScaling, ...] = get_args(FixedScaling)

_MEAN_AND_STD: dict[FixedScaling, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "zero-one": ((0.0,), (1.0,)),
    "minus-one-one": ((0.5,), (0.5,)),
    # Of the training images of ImageNet, as torchvision's weights have them in `meta`.
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


def fixed_scaling(
    name: FixedScaling, *, channels: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation [C] of a scaling that does not depend on the data."""
    mean, std = _MEAN_AND_STD[name]
    return for_channels(mean, channels), for_channels(std, channels)


def for_channels(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """One number per channel: repeated for colour, averaged for grey."""
    if len(values) == channels:
        return values
    return (sum(values) / len(values),) * channels
