"""RandAugment and TrivialAugment: operations of torchvision's list, drawn for each image.

Operations, magnitudes, sign and nearest-neighbour sampling on black are those of
`torchvision.transforms.v2.RandAugment` and `TrivialAugmentWide`, so that published settings hold.
B images, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias, final

import torch
from torch import Generator, Tensor

from nunbit.data.augment.colour import (
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    blend,
)
from nunbit.data.augment.operation import DrawnOperation, Draws, by_choice, whole_numbers
from nunbit.data.augment.parameters import whole
from nunbit.data.augment.sampling import move, turning, warp

Change: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""uint8 [b, C, H, W] and a magnitude float32 [b] for each to uint8 [b, C, H, W]."""


@dataclass(frozen=True, kw_only=True)
class _Widest:
    """The greatest magnitude of each operation; shares of the width or height for moves."""

    shear: float
    translate: float
    translate_in_pixels: bool
    degrees: float
    factor: float
    bits: int
    """Taken off by posterising."""


_RAND = _Widest(
    shear=0.3,
    translate=150 / 331,
    translate_in_pixels=False,
    degrees=30,
    factor=0.9,
    bits=4,
)
_TRIVIAL = _Widest(
    shear=0.99, translate=32, translate_in_pixels=True, degrees=135, factor=0.99, bits=6
)


@final
@dataclass(frozen=True, kw_only=True)
class RandAugment(DrawnOperation):
    """Several operations of a list in turn, at one magnitude (Cubuk et al. 2020)."""

    name: ClassVar[str] = "rand-augment"
    count: int = whole(2, "operations for each image", least=1, most=10)
    magnitude: int = whole(9, "step of the magnitude scale, of 0 to 30", least=0, most=30)

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """For each image and turn, [B, count]: operation, step, and sign (−1 or 1)."""
        size = (len(images), self.count)
        operations = torch.randint(len(CHANGES), size, device=images.device, generator=generator)
        return (
            operations,
            torch.full_like(operations, self.magnitude),
            _signs(size, operations, generator),
        )

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        for operation, step, sign in zip(*(values.unbind(1) for values in drawn), strict=True):
            images = _apply(images, operation, step, sign, widest=_RAND)
        return images


@final
@dataclass(frozen=True, kw_only=True)
class TrivialAugment(DrawnOperation):
    """One operation of a list at any magnitude, from nothing to far (Müller and Hutter 2021)."""

    name: ClassVar[str] = "trivial-augment"

    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """For each image, [B]: operation, step, and sign (−1 or 1)."""
        operations = whole_numbers(images, generator, 0, len(CHANGES) - 1)
        steps = whole_numbers(images, generator, 0, _STEPS - 1)
        return operations, steps, _signs((len(images),), operations, generator)

    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        return _apply(images, *drawn, widest=_TRIVIAL)


_STEPS = 31
"""Of the magnitude scale."""


def _signs(size: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return 2 * torch.randint(2, size, device=like.device, generator=generator) - 1


def _apply(
    images: Tensor, operation: Tensor, step: Tensor, sign: Tensor, *, widest: _Widest
) -> Tensor:
    magnitudes = _magnitudes(step, sign, images.shape[2:], widest)
    changes = [
        lambda some, rows, change=change, magnitude=magnitudes[name]: change(some, magnitude[rows])
        for name, change in CHANGES.items()
    ]
    return by_choice(images, operation, changes)


def _magnitudes(step: Tensor, sign: Tensor, size: torch.Size, widest: _Widest) -> dict[str, Tensor]:
    """What each operation would do to each image, float32 [B]; no sign where there is none."""

    def scaled(most: float) -> Tensor:
        # The same float32 numbers as torchvision's, for they are cut to whole ones below.
        return torch.linspace(0, most, _STEPS, device=step.device)[step]

    height, width = (1, 1) if widest.translate_in_pixels else size
    slant, factor = sign * scaled(widest.shear), 1 + sign * scaled(widest.factor)
    nothing = torch.zeros_like(factor)
    return {
        "identity": nothing,
        "shear-x": slant,
        "shear-y": slant,
        "translate-x": sign * scaled(widest.translate * width).floor(),
        "translate-y": sign * scaled(widest.translate * height).floor(),
        "rotate": sign * scaled(widest.degrees),
        "brightness": factor,
        "colour": factor,
        "contrast": factor,
        "sharpness": factor,
        "posterise": 8 - (step / ((_STEPS - 1) / widest.bits)).round(),
        "solarise": 255 * torch.linspace(1, 0, _STEPS, device=step.device)[step],
        "auto-contrast": nothing,
        "equalise": nothing,
    }


def _sheared(images: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Slant about the upper left corner: to the left with each row, up with each column."""
    height, width = images.shape[2:]
    one = torch.ones_like(across)
    # A shear about the corner is one about the centre and a move.
    matrices = torch.stack((one, across, across * height / 2, down, one, down * width / 2), dim=1)
    return warp(images, matrices.view(-1, 2, 3), border="constant", mode="nearest")


def _rotated(images: Tensor, degrees: Tensor) -> Tensor:
    matrices = turning(degrees, torch.ones_like(degrees))
    return warp(images, matrices, border="constant", mode="nearest")


def _sharpened(images: Tensor, factor: Tensor) -> Tensor:
    from torchvision.transforms.v2 import functional

    return blend(images, functional.adjust_sharpness(images, 0.0).float(), factor)


def _posterised(images: Tensor, bits: Tensor) -> Tensor:
    kept = (256 - 2 ** (8 - bits)).to(torch.uint8)
    return images & kept[:, None, None, None]


def _solarised(images: Tensor, threshold: Tensor) -> Tensor:
    return torch.where(images >= threshold[:, None, None, None], 255 - images, images)


def _auto_contrasted(images: Tensor, _: Tensor) -> Tensor:
    from torchvision.transforms.v2 import functional

    changed: Tensor = functional.autocontrast(images)
    return changed


def _equalised(images: Tensor, _: Tensor) -> Tensor:
    from torchvision.transforms.v2 import functional

    changed: Tensor = functional.equalize(images)
    return changed


CHANGES: Mapping[str, Change] = {
    "identity": lambda images, _: images,
    "shear-x": lambda images, slant: _sheared(images, slant, torch.zeros_like(slant)),
    "shear-y": lambda images, slant: _sheared(images, torch.zeros_like(slant), slant),
    "translate-x": lambda images, by: move(
        images, torch.zeros_like(by).long(), by.long(), border="constant"
    ),
    "translate-y": lambda images, by: move(
        images, by.long(), torch.zeros_like(by).long(), border="constant"
    ),
    "rotate": _rotated,
    "brightness": adjust_brightness,
    "colour": adjust_saturation,
    "contrast": adjust_contrast,
    "sharpness": _sharpened,
    "posterise": _posterised,
    "solarise": _solarised,
    "auto-contrast": _auto_contrasted,
    "equalise": _equalised,
}
