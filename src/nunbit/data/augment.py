"""Random changes of training images: whole batches at once, each image on its own.

An operation takes uint8 [B, C, H, W] on any device and a generator of that device, and returns the
same shape and type; what it draws is independent between the images of the batch. Only training
batches ever pass through here.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from nunbit.errors import ConfigError


class Operation(Protocol):
    """One random change of a batch."""

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Change uint8 [B, C, H, W]."""
        ...


def _refuse_outside(operation: Operation, **largest: float) -> None:
    """Raise ValueError for a parameter that is not a number from 0 to its largest value."""
    for name, most in largest.items():
        value = getattr(operation, name)
        if not 0 <= value <= most:
            raise ValueError(f"{name} = {value!r} is not from 0 to {most:g}")


@dataclass(frozen=True, kw_only=True)
class HorizontalFlip:
    """Mirror left and right."""

    probability: float = 0.5

    def __post_init__(self) -> None:
        _refuse_outside(self, probability=1)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        chosen = _chosen(images, self.probability, generator)
        return torch.where(chosen[:, None, None, None], images.flip(-1), images)


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Move by whole pixels, up to a fraction of the side; the border's pixels are repeated."""

    fraction: float = 0.08

    def __post_init__(self) -> None:
        _refuse_outside(self, fraction=1)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        batch, _, height, width = images.shape
        rows = self._moved(batch, height, images.device, generator)
        columns = self._moved(batch, width, images.device, generator)
        which = torch.arange(batch, device=images.device)[:, None, None]
        # Indexing the channels-last view keeps each pixel's channels together in memory.
        moved = images.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]]
        return moved.permute(0, 3, 1, 2)

    def _moved(self, batch: int, side: int, device: torch.device, generator: Generator) -> Tensor:
        most = round(self.fraction * side)
        offset = torch.randint(-most, most + 1, (batch, 1), device=device, generator=generator)
        return (torch.arange(side, device=device)[None] + offset).clamp_(0, side - 1)


@dataclass(frozen=True, kw_only=True)
class Affine:
    """Rotate about the centre and zoom, bilinearly; the border's pixels are repeated."""

    degrees: float = 10.0
    """Largest rotation to either side."""
    zoom: float = 0.1
    """Sides are scaled by a factor between 1/(1 + zoom) and 1 + zoom, evenly on a log scale."""

    def __post_init__(self) -> None:
        _refuse_outside(self, degrees=180, zoom=10)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        batch, _, height, width = images.shape
        turn, scale = torch.rand((2, batch), device=images.device, generator=generator) * 2 - 1
        angle = turn * math.radians(self.degrees)
        factor = torch.exp(-scale * math.log1p(self.zoom))
        cosine, sine = torch.cos(angle) * factor, torch.sin(angle) * factor
        zero = torch.zeros_like(angle)
        # affine_grid works in a square of side 2; the aspect ratio keeps the rotation a rotation.
        aspect = width / height
        theta = torch.stack(
            (cosine, -sine / aspect, zero, sine * aspect, cosine, zero), dim=1
        ).view(batch, 2, 3)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        sampled = F.grid_sample(
            images.float(), grid, mode="bilinear", padding_mode="border", align_corners=False
        )
        return sampled.round_().to(torch.uint8)


@dataclass(frozen=True, kw_only=True)
class BrightnessContrast:
    """Multiply the distance from the image's mean (contrast) and all values (brightness)."""

    brightness: float = 0.2
    """Factor between 1 − brightness and 1 + brightness."""
    contrast: float = 0.2
    """Factor between 1 − contrast and 1 + contrast."""

    def __post_init__(self) -> None:
        _refuse_outside(self, brightness=1, contrast=1)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        draws = torch.rand((2, len(images), 1, 1, 1), device=images.device, generator=generator)
        bright = 1 + self.brightness * (2 * draws[0] - 1)
        contrast = 1 + self.contrast * (2 * draws[1] - 1)
        values = images.float() * bright
        mean = values.mean(dim=(1, 2, 3), keepdim=True)
        return ((values - mean) * contrast + mean).round_().clamp_(0, 255).to(torch.uint8)


@dataclass(frozen=True, kw_only=True)
class Erase:
    """Replace one square by the image's mean (Zhong et al. 2020; DeVries and Taylor 2017)."""

    probability: float = 0.5
    fraction: float = 0.3
    """Largest side of the square, as a fraction of the image's shorter side."""

    def __post_init__(self) -> None:
        _refuse_outside(self, probability=1, fraction=1)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        batch, _, height, width = images.shape
        device = images.device
        chosen = _chosen(images, self.probability, generator)
        size, top, left = torch.rand((3, batch), device=device, generator=generator)
        side = (size * self.fraction * min(height, width)).ceil()
        top, left = (top * (height - side)).floor(), (left * (width - side)).floor()
        row = torch.arange(height, device=device)[None]
        column = torch.arange(width, device=device)[None]
        inside_rows = (row >= top[:, None]) & (row < (top + side)[:, None])
        inside_columns = (column >= left[:, None]) & (column < (left + side)[:, None])
        inside = inside_rows[:, :, None] & inside_columns[:, None, :] & chosen[:, None, None]
        mean = images.float().mean(dim=(2, 3), keepdim=True).round_().to(torch.uint8)
        return torch.where(inside[:, None], mean, images)


OPERATIONS: dict[str, type[Any]] = {
    "horizontal-flip": HorizontalFlip,
    "shift": Shift,
    "affine": Affine,
    "brightness-contrast": BrightnessContrast,
    "erase": Erase,
}


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Operations applied one after the other."""

    name: str
    assumption: str
    """What must hold of the data for the label to survive."""
    operations: tuple[Operation, ...]

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Change uint8 [B, C, H, W]; the generator is of the images' device."""
        for operation in self.operations:
            images = operation(images, generator)
        return images


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
            name="photos",
            assumption="scenes: a mirror, small turns, zoom and light keep the label",
            operations=(
                HorizontalFlip(),
                Affine(degrees=10, zoom=0.25),
                Shift(fraction=0.1),
                BrightnessContrast(),
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


def load_augmentation(preset: str) -> Augmentation:
    """A preset by name, or a TOML file with `[[operations]]` tables: `name` and its parameters.

    Raises:
        ConfigError: for an unknown preset, operation or parameter.
    """
    if preset in PRESETS:
        return PRESETS[preset]
    path = Path(preset)
    if not path.is_file():
        near = difflib.get_close_matches(preset, PRESETS, n=1)
        raise ConfigError(
            f"there is no augmentation preset '{preset}'",
            remedy=(f"did you mean {near[0]}? " if near else "")
            + f"presets: auto, {', '.join(PRESETS)}; or give a TOML file",
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(
            f"the augmentation file cannot be read: {error}", path=path, remedy="mend the file"
        ) from None
    tables = content.get("operations")
    if len(content) != 1 or not isinstance(tables, list) or not tables:
        found = ", ".join(content) or "nothing"
        raise ConfigError(
            f"the augmentation file holds {found}, not [[operations]] alone",
            path=path,
            remedy="begin each operation with [[operations]]; for none, use the preset none",
        )
    operations = tuple(_operation(table, path) for table in tables)
    return Augmentation(name=path.stem, assumption="stated by its author", operations=operations)


def _operation(table: object, path: Path) -> Operation:
    given = dict(table) if isinstance(table, Mapping) else {}
    name = str(given.pop("name", ""))
    if name not in OPERATIONS:
        near = difflib.get_close_matches(name, OPERATIONS, n=1)
        raise ConfigError(
            f"there is no augmentation '{name}'",
            path=path,
            remedy=(f"did you mean {near[0]}? " if near else "")
            + f"operations: {', '.join(OPERATIONS)}",
        )
    kind = OPERATIONS[name]
    known = [field.name for field in dataclasses.fields(kind)]
    for key, value in given.items():
        if key not in known or isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(
                f"{name}: {key} = {value!r} is not possible",
                path=path,
                remedy=f"parameters of {name}: {', '.join(known)}; each is a number",
            )
    try:
        operation: Operation = kind(**given)
    except ValueError as error:
        raise ConfigError(
            f"{name}: {error}", path=path, remedy="choose a value within the limits"
        ) from None
    return operation


def _chosen(images: Tensor, probability: float, generator: Generator) -> Tensor:
    draw = torch.rand(len(images), device=images.device, generator=generator)
    return draw < probability
