"""Augmentation of the training images as a whole, and its named presets."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Generator, Tensor

from nunbit.data.augment.blur import Blur
from nunbit.data.augment.crops import Crop
from nunbit.data.augment.erasing import Erase
from nunbit.data.augment.flips_and_shifts import HorizontalFlip, Shift, VerticalFlip
from nunbit.data.augment.geometric import Affine, Rotation
from nunbit.data.augment.mixing import Mixing
from nunbit.data.augment.operation import Operation
from nunbit.data.augment.photometric import BrightnessContrast, GaussianNoise


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Operations applied one after the other, and then mixing."""

    name: str
    assumption: str
    """Property of the data that keeps every label right."""
    operations: tuple[Operation, ...]
    mixing: tuple[Mixing, ...] = ()

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Change uint8 [B, C, H, W]; the generator is of the images' device."""
        for operation in self.operations:
            images = operation(images, generator)
        return images

    def mix(
        self, images: Tensor, targets: Tensor, *, classes: int, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """Mix images of a batch with each other, where the augmentation does so.

        Args:
            images: uint8 [B, C, H, W].
            targets: int64 [B].
            classes: their number K.
            generator: of the images' device.

        Returns:
            The images, and targets float32 [B, K]; both as they were where nothing is mixed.
        """
        if not self.mixing:
            return images, targets
        targets = F.one_hot(targets, classes).float()
        for mixing in self.mixing:
            images, targets = mixing(images, targets, generator)
        return images, targets


PRESETS: dict[str, Augmentation] = {
    preset.name: preset
    for preset in (
        Augmentation(name="none", assumption="nothing", operations=()),
        Augmentation(
            name="shift",
            assumption="the label survives a move by a few pixels",
            operations=(Shift(fraction=0.08),),
        ),
        Augmentation(
            name="digits",
            assumption="upright signs: small turns and moves keep the label, a mirror would not",
            operations=(Affine(degrees=10, zoom=0.1), Shift(fraction=0.08)),
        ),
        Augmentation(
            name="clothes",
            assumption="a mirror keeps the label",
            operations=(HorizontalFlip(),),
        ),
        Augmentation(
            name="clothes-long",
            assumption="a mirror and a small move keep the label, and so does covering a part: for "
            "long trainings, which would otherwise learn the images by heart",
            operations=(HorizontalFlip(), Shift(fraction=0.04), Erase(fraction=0.5)),
        ),
        Augmentation(
            name="photos",
            assumption="scenes: a mirror, small turns, zoom and light keep the label",
            operations=(
                HorizontalFlip(),
                Affine(degrees=10, zoom=0.25),
                Shift(fraction=0.1),
                BrightnessContrast(),
            ),
        ),
        Augmentation(
            name="microscopy",
            assumption="no direction is up: mirrors and turns by any angle keep the label, and so "
            "do small changes of light",
            operations=(
                HorizontalFlip(),
                VerticalFlip(),
                Rotation(degrees=180, border="reflect"),
                BrightnessContrast(brightness=0.1, contrast=0.1),
            ),
        ),
        Augmentation(
            name="documents",
            assumption="pages that are read upright: a slightly other section, light, blur and "
            "noise keep the label; nothing is mirrored or turned",
            operations=(
                Crop(fraction=(0.9, 1.0)),
                Shift(fraction=0.03),
                BrightnessContrast(),
                Blur(probability=0.3, deviation=(0.1, 1.0)),
                GaussianNoise(probability=0.5, deviation=(0.0, 0.03)),
            ),
        ),
    )
}

_PRESET_OF_KNOWN_DATA = {
    "digits": "digits",
    "mnist": "digits",
    "fashion-mnist": "clothes",
    "cifar10": "photos",
    "cifar100": "photos",
}


def choose_preset(data_name: str) -> tuple[str, str]:
    """The preset for `auto`, and why: known data have theirs, others get small moves only."""
    known = _PRESET_OF_KNOWN_DATA.get(data_name)
    if known is not None:
        return known, f"it suits {data_name}: {PRESETS[known].assumption}"
    return "shift", "small moves are safe for most data; choose photos if a mirror keeps the label"
