"""Base classes of operations: random changes of a batch, sampled for each of its images.

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

Params: TypeAlias = tuple[Tensor, ...]
"""Parameters sampled for each image: tensors [B] or [B, ...]."""


@dataclass(frozen=True, kw_only=True)
class Operation(Configured, ABC):
    """A random change that happens to each image independently, with its probability."""

    @final
    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Change uint8 [B, C, H, W]; the given tensor is left as it is."""
        if self.probability == 0:
            return images
        if self.probability == 1:
            return _in_format_of(images, self.change(images, generator))
        draw = torch.rand(len(images), device=images.device, generator=generator)
        chosen = draw < self.probability
        if not _indexing_is_cheap(images):
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
class SampledOperation(Operation, ABC):
    """An operation in two steps: sample parameters for each image, then apply them exactly."""

    @final
    def change(self, images: Tensor, generator: Generator) -> Tensor:
        return self.apply(images, self.sample_params(images, generator))

    @abstractmethod
    def sample_params(self, images: Tensor, generator: Generator) -> Params:
        """Sample parameters for each image of uint8 [B, C, H, W]."""

    @abstractmethod
    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Change uint8 [B, C, H, W] by the sampled parameters."""


def uniform(images: Tensor, generator: Generator, *limits: Span) -> Params:
    """Uniform random numbers, float32 [B] for each pair of limits."""
    draws = torch.rand((len(limits), len(images)), device=images.device, generator=generator)
    return tuple(low + (high - low) * draw for draw, (low, high) in zip(draws, limits, strict=True))


def random_integers(images: Tensor, generator: Generator, low: int, high: int) -> Tensor:
    """Uniform random integers from `low` to `high`, both included, int64 [B]."""
    return torch.randint(low, high + 1, (len(images),), device=images.device, generator=generator)


def apply_by_index(
    images: Tensor, choice: Tensor, changes: Sequence[Callable[[Tensor, Tensor], Tensor]]
) -> Tensor:
    """Apply to each image the change of its own number, with one batched call for each change.

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


def to_uint8(values: Tensor) -> Tensor:
    """Round float grey levels to uint8; the given tensor is overwritten."""
    return values.round_().clamp_(0, 255).to(torch.uint8)


def _indexing_is_cheap(images: Tensor) -> bool:
    """Tell whether rows can be picked by index; elsewhere the CPU would wait for the device."""
    return images.device.type == "cpu"


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _in_format_of(images: Tensor, changed: Tensor) -> Tensor:
    if images.is_contiguous(memory_format=torch.channels_last):
        return changed.contiguous(memory_format=torch.channels_last)
    return changed.contiguous()
