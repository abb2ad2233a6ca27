"""Originals and what an augmentation makes of them, before any page is thought of.

N pictures, R results of each, H height, W width, C channels, K classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor

from nunbit.data.augment import Augmentation, Mixing, Operation
from nunbit.seeds import Purpose, derive_seed, torch_rng_for
from nunbit.types import ClassNames

_Change = Callable[[Tensor, Tensor, Generator], tuple[Tensor, Tensor]]
"""uint8 [B, C, H, W] and class probabilities float32 [B, K] to the same, changed."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Some images of the data, as the network would see them."""

    dataset: str
    """Its name, for the heading."""
    canvases: NDArray[np.uint8]
    """[N, H, W, C]."""
    paths: tuple[str, ...]
    """[N]."""
    labels: NDArray[np.int64]
    """[N] index into `classes`."""
    classes: ClassNames

    def __post_init__(self) -> None:
        if len(self.canvases) == 0:
            raise ValueError("no pictures to show")
        if not len(self.canvases) == len(self.paths) == len(self.labels):
            raise ValueError("canvases, paths and labels of different lengths")


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One operation, or all of them in turn, on every picture."""

    step: Operation | Mixing | None
    """None for the whole augmentation."""
    results: NDArray[np.uint8]
    """[N, R, H, W, C]."""
    shares: NDArray[np.float32] | None
    """[N, R, K] of each class in the target; None where no images are mixed."""

    @property
    def certain(self) -> bool:
        """True if every result is the same as the first: nothing was left to chance."""
        return bool((self.results == self.results[:, :1]).all())


def panels(
    augmentation: Augmentation, pictures: Pictures, *, results: int, seed: int, whole: bool
) -> Iterator[Panel]:
    """Each operation alone, and then the whole where it is wanted.

    An operation alone is shown as if it happened to every image, so that each result is one; the
    whole as training has it, with each operation's own probability.
    """
    steps: tuple[Operation | Mixing, ...] = (*augmentation.operations, *augmentation.mixing)
    for number, step in enumerate(steps):
        always = dataclasses.replace(step, probability=1.0)
        yield _panel(step, _alone(always), pictures, results=results, seed=_seed(seed, number))
    if whole:
        together = _together(augmentation)
        yield _panel(None, together, pictures, results=results, seed=_seed(seed, len(steps)))


def _seed(seed: int, panel: int) -> int:
    return derive_seed(seed, Purpose.AUGMENTATION, panel)


def _alone(step: Operation | Mixing) -> _Change:
    if isinstance(step, Mixing):
        return step
    return lambda images, shares, generator: (step(images, generator), shares)


def _together(augmentation: Augmentation) -> _Change:
    def change(images: Tensor, shares: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        images = augmentation(images, generator)
        for mixing in augmentation.mixing:
            images, shares = mixing(images, shares, generator)
        return images, shares

    return change


def _panel(
    step: Operation | Mixing | None, change: _Change, pictures: Pictures, *, results: int, seed: int
) -> Panel:
    generator = torch_rng_for(seed, Purpose.AUGMENTATION)
    originals = torch.from_numpy(pictures.canvases).permute(0, 3, 1, 2)
    labels = F.one_hot(torch.from_numpy(pictures.labels), len(pictures.classes)).float()
    found, shares = [], []
    for _ in range(results):
        # A new order each time, because mixing takes the neighbour in the batch.
        order = torch.randperm(len(originals), generator=generator)
        images, mixed = change(originals[order], labels[order], generator)
        back = order.argsort()
        found.append(images[back].permute(0, 2, 3, 1).numpy())
        shares.append(mixed[back].numpy())
    stacked = np.stack(shares, axis=1)
    one_hot = bool(((stacked == 0) | (stacked == 1)).all())
    return Panel(
        step=step,
        results=np.ascontiguousarray(np.stack(found, axis=1)),
        shares=None if one_hot else stacked,
    )


def spoken_shares(shares: NDArray[np.float32], classes: Sequence[str]) -> str:
    """'70 % ant, 30 % bee' from [K]; classes below half a percent are left out."""
    order = np.argsort(-shares, kind="stable")
    spoken = ((100 * float(shares[k]), classes[k]) for k in order)
    return ", ".join(
        f"{share:.0f}\N{NO-BREAK SPACE}% {name}" for share, name in spoken if share >= 0.5
    )
