"""Every operation by the name that files and pages use. A new one is a line here."""

from __future__ import annotations

from typing import Any

from nunbit.data.augment.automatic import RandAugment, TrivialAugment
from nunbit.data.augment.blur import Blur
from nunbit.data.augment.compose import Compose, OneOf
from nunbit.data.augment.crops import CentreCrop, Crop, RandomResizedCrop, Resize
from nunbit.data.augment.erasing import CoarseDropout, Erase
from nunbit.data.augment.flips_and_shifts import (
    HeightShift,
    HorizontalFlip,
    RandomRotation90,
    Shift,
    VerticalFlip,
    WidthShift,
)
from nunbit.data.augment.geometric import Affine, Rotation, ShiftScaleRotate, Zoom
from nunbit.data.augment.mixing import CutMix, MixUp
from nunbit.data.augment.photometric import (
    BrightnessContrast,
    BrightnessRange,
    ChannelShuffle,
    Clahe,
    ColourJitter,
    GaussianNoise,
    HueSaturationValue,
)

OPERATIONS: dict[str, type[Any]] = {
    kind.name: kind
    for kind in (
        HorizontalFlip,
        VerticalFlip,
        RandomRotation90,
        Shift,
        WidthShift,
        HeightShift,
        Rotation,
        Zoom,
        Affine,
        ShiftScaleRotate,
        Crop,
        CentreCrop,
        Resize,
        RandomResizedCrop,
        BrightnessContrast,
        BrightnessRange,
        HueSaturationValue,
        ColourJitter,
        ChannelShuffle,
        Clahe,
        GaussianNoise,
        Blur,
        CoarseDropout,
        Erase,
        RandAugment,
        TrivialAugment,
    )
}
"""Operations on single images, without those that are made of others."""
COMBINATIONS: dict[str, type[Any]] = {kind.name: kind for kind in (Compose, OneOf)}
MIXINGS: dict[str, type[Any]] = {kind.name: kind for kind in (MixUp, CutMix)}
