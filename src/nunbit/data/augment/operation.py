"""What every operation is: a random change of a batch, drawn anew for each of its images.

B images in a batch, C channels (1 or 3), H height, W width. Pixels are uint8 [B, C, H, W] of any
memory format on any device; what comes back has the same shape, type, device and memory format.
All randomness comes from the generator, which is of the images' device.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

import torch
from torch import Generator, Tensor

from nunbit.data.augment.parameters import Configured, Span

Draws: TypeAlias = tuple[Tensor, ...]
"""What was drawn for each image: tensors [B] or [B, ...]."""


@dataclass(frozen=True, kw_only=True)
class Operation(Configured, ABC):
    """One random change; it happens to each image with its probability, on its own."""

    @final
    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Change uint8 [B, C, H, W]; the given tensor is left as it is."""
        if self.probability == 0:
            return images
        if self.probability == 1:
            return _in_format_of(images, self.change(images, generator))
        draw = torch.rand(len(images), device=images.device, generator=generator)
        chosen = draw < self.probability
        if not _counts_at_once(images):
            changed = torch.where(_per_image(chosen), self.change(images, generator), images)
            return _in_format_of(images, changed)
        rows = chosen.nonzero().flatten()
        if len(rows) == 0:
            return images
        result = images.clone()
        result[rows] = self.change(images[rows], generator)
        return _in_format_of(images, result)

    @abstractmethod
    def change(self, images: Tensor, generator: Generator) -> Tensor:
        """Change every image of a batch, whatever the probability: uint8 [B, C, H, W]."""


@dataclass(frozen=True, kw_only=True)
class DrawnOperation(Operation, ABC):
    """An operation in two steps: draw numbers for each image, then apply them, without chance."""

    @final
    def change(self, images: Tensor, generator: Generator) -> Tensor:
        return self.apply(images, self.draw(images, generator))

    @abstractmethod
    def draw(self, images: Tensor, generator: Generator) -> Draws:
        """Numbers for each image of uint8 [B, C, H, W]."""

    @abstractmethod
    def apply(self, images: Tensor, drawn: Draws) -> Tensor:
        """Change uint8 [B, C, H, W] as drawn."""


def uniform(images: Tensor, generator: Generator, *limits: Span) -> Draws:
    """For each pair of limits float32 [B], evenly between them."""
    draws = torch.rand((len(limits), len(images)), device=images.device, generator=generator)
    return tuple(low + (high - low) * draw for draw, (low, high) in zip(draws, limits, strict=True))


def whole_numbers(images: Tensor, generator: Generator, low: int, high: int) -> Tensor:
    """int64 [B], each from `low` to `high`, both included."""
    return torch.randint(low, high + 1, (len(images),), device=images.device, generator=generator)


def by_choice(
    images: Tensor, choice: Tensor, changes: Sequence[Callable[[Tensor, Tensor], Tensor]]
) -> Tensor:
    """Give each image the change of its own number, one batched call for each change.

    Args:
        images: uint8 [B, C, H, W].
        choice: int64 [B], number of the change of each image.
        changes: each takes the chosen images [b, C, H, W] and their row numbers int64 [b].
    """
    result = images.clone()
    for number, change in enumerate(changes):
        rows = (choice == number).nonzero().flatten()
        if len(rows):
            result[rows] = change(images[rows], rows)
    return result


def to_pixels(values: Tensor) -> Tensor:
    """Float grey levels to uint8, to the nearest; the tensor itself is used up."""
    return values.round_().clamp_(0, 255).to(torch.uint8)


def _counts_at_once(images: Tensor) -> bool:
    """Whether the chosen can be picked out; elsewhere the processor would wait for the device."""
    return images.device.type == "cpu"


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _in_format_of(images: Tensor, changed: Tensor) -> Tensor:
    if images.is_contiguous(memory_format=torch.channels_last):
        return changed.contiguous(memory_format=torch.channels_last)
    return changed.contiguous()
