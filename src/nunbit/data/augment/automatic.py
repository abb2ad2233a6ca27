"""RandAugment and TrivialAugment: operations of torchvision's list, chosen for each image.

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
from nunbit.data.augment.operation import Params, SampledOperation, apply_by_index, random_integers
from nunbit.data.augment.parameters import whole
from nunbit.data.augment.sampling import affine_matrices, translate, warp

Change: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""uint8 [b, C, H, W] and a magnitude float32 [b] for each to uint8 [b, C, H, W]."""


@dataclass(frozen=True, kw_only=True)
class _MaxMagnitudes:
    """The maximum magnitude of each operation; translations as fractions of width or height."""

    shear: float
    translate: float
    translate_in_pixels: bool
    degrees: float
    factor: float
    bits: int
    """Taken off by posterising."""


_RAND = _MaxMagnitudes(
    shear=0.3,
    translate=150 / 331,
    translate_in_pixels=False,
    degrees=30,
    factor=0.9,
    bits=4,
)
_TRIVIAL = _MaxMagnitudes(
    shear=0.99, translate=32, translate_in_pixels=True, degrees=135, factor=0.99, bits=6
)


@final
@dataclass(frozen=True, kw_only=True)
class RandAugment(SampledOperation):
    """Several operations of a list in turn, at one magnitude (Cubuk et al. 2020)."""

    name: ClassVar[str] = "rand-augment"
    count: int = whole(2, "operations for each image", min_value=1, max_value=10)
    magnitude: int = whole(9, "step of the magnitude scale, of 0 to 30", min_value=0, max_value=30)

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample operation, step and sign (−1 or 1) for each image and turn, [B, count]."""
        size = (len(images), self.count)
        operations = torch.randint(len(CHANGES), size, device=images.device, generator=generator)
        return (
            operations,
            torch.full_like(operations, self.magnitude),
            _signs(size, operations, generator),
        )

    def apply(self, images: Tensor, params: Params) -> Tensor:
        for operation, step, sign in zip(*(values.unbind(1) for values in params), strict=True):
            images = _apply(images, operation, step, sign, max_magnitudes=_RAND)
        return images


@final
@dataclass(frozen=True, kw_only=True)
class TrivialAugment(SampledOperation):
    """One operation of a list at any magnitude, from none to strong (Müller and Hutter 2021)."""

    name: ClassVar[str] = "trivial-augment"

    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample operation, step and sign (−1 or 1) for each image, [B]."""
        operations = random_integers(images, generator, 0, len(CHANGES) - 1)
        steps = random_integers(images, generator, 0, _STEPS - 1)
        return operations, steps, _signs((len(images),), operations, generator)

    def apply(self, images: Tensor, params: Params) -> Tensor:
        return _apply(images, *params, max_magnitudes=_TRIVIAL)


_STEPS = 31
"""Number of steps on the magnitude scale."""


def _signs(size: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return 2 * torch.randint(2, size, device=like.device, generator=generator) - 1


def _apply(
    images: Tensor, operation: Tensor, step: Tensor, sign: Tensor, *, max_magnitudes: _MaxMagnitudes
) -> Tensor:
    magnitudes = _magnitudes(step, sign, images.shape[2:], max_magnitudes)
    changes = [
        lambda some, rows, change=change, magnitude=magnitudes[name]: change(some, magnitude[rows])
        for name, change in CHANGES.items()
    ]
    return apply_by_index(images, operation, changes)


def _magnitudes(
    step: Tensor, sign: Tensor, size: torch.Size, max_magnitudes: _MaxMagnitudes
) -> dict[str, Tensor]:
    """Magnitude of each operation for each image, float32 [B], signed where it has a direction."""

    def scaled(maximum: float) -> Tensor:
        # The same float32 numbers as torchvision's, for they are cut to whole ones below.
        return torch.linspace(0, maximum, _STEPS, device=step.device)[step]

    height, width = (1, 1) if max_magnitudes.translate_in_pixels else size
    slant, factor = sign * scaled(max_magnitudes.shear), 1 + sign * scaled(max_magnitudes.factor)
    nothing = torch.zeros_like(factor)
    return {
        "identity": nothing,
        "shear-x": slant,
        "shear-y": slant,
        "translate-x": sign * scaled(max_magnitudes.translate * width).floor(),
        "translate-y": sign * scaled(max_magnitudes.translate * height).floor(),
        "rotate": sign * scaled(max_magnitudes.degrees),
        "brightness": factor,
        "colour": factor,
        "contrast": factor,
        "sharpness": factor,
        "posterise": 8 - (step / ((_STEPS - 1) / max_magnitudes.bits)).round(),
        "solarise": 255 * torch.linspace(1, 0, _STEPS, device=step.device)[step],
        "auto-contrast": nothing,
        "equalise": nothing,
    }


def _sheared(images: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Slant about the upper left corner: to the left with each row, up with each column."""
    height, width = images.shape[2:]
    one = torch.ones_like(across)
    # A shear about the corner is a shear about the centre followed by a translation.
    matrices = torch.stack((one, across, across * height / 2, down, one, down * width / 2), dim=1)
    return warp(images, matrices.view(-1, 2, 3), border="constant", mode="nearest")


def _rotated(images: Tensor, degrees: Tensor) -> Tensor:
    matrices = affine_matrices(degrees, torch.ones_like(degrees))
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
    "translate-x": lambda images, by: translate(
        images, torch.zeros_like(by).long(), by.long(), border="constant"
    ),
    "translate-y": lambda images, by: translate(
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
