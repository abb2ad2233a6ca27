"""Weights that come from elsewhere, and what belongs to them.

Weights never travel without their preprocessing: what is known of it is in `WeightsInput`, and
where nothing is known, it must be said before the weights can be used in a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from torch import Tensor

Fit: TypeAlias = Literal["crop", "pad", "squash"]
Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "lanczos"]


@dataclass(frozen=True, kw_only=True)
class WeightsInput:
    """Input of the network when the weights were trained."""

    channels: int = 3
    height: int
    """Pixels."""
    width: int
    """Pixels."""
    fit: Fit = "crop"
    """crop: the shorter side is scaled and the centre cut out; pad, squash."""
    crop_share: float = 1.0
    """Share of the scaled image's shorter side that the cut-out keeps: 224 / 256 is 0.875."""
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, ...]
    """One number a channel, of pixels scaled to 0..1."""
    std: tuple[float, ...]
    """One number a channel, of pixels scaled to 0..1."""


@dataclass(frozen=True, kw_only=True)
class Tensors:
    """The content of a file of weights."""

    state: Mapping[str, Tensor]
    """Names as the architecture's `state_dict` has them."""
    remarks: tuple[str, ...] = ()
    """Sentences for the user on what was done to the file's content."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights that were found, not yet read."""

    name: str
    """The name as messages have it."""
    architecture: str | None = None
    """Accepted by `create_model`; None if the file does not say."""
    input: WeightsInput | None = None
    """None if the file does not say."""
    classes: tuple[str, ...] = ()
    """Names of the classes in order; empty if unknown."""
    licence: str = ""
    """The licence as their publisher states it; empty if unknown."""
    here: Callable[[], Path | None] = field(repr=False)
    """The file on this machine, or None; never downloads."""
    locate: Callable[[], Path] = field(repr=False)
    """The file, downloaded if need be. Raises WeightsError naming file and place if it cannot."""
    read: Callable[[Path], Tensors] = field(repr=False)
    """The content of that file. Raises WeightsError if it is damaged."""

    def load(self) -> Tensors:
        """Find the file and read it. Raises WeightsError if it is missing or damaged."""
        return self.read(self.locate())
