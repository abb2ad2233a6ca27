"""Batches on the device, made of stored pixels.

The hot loop: one gather per batch, one copy to the device, one pass that normalises. B images,
C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nunbit.chunks import chunks
from nunbit.data.pixels import Pixels
from nunbit.data.preprocess import Preprocess
from nunbit.seeds import Purpose, derive_seed, rng_for
from nunbit.types import Batch, CanvasBatch

if TYPE_CHECKING:
    from nunbit.data.augment import Augmentation


MIN_INFERENCE_BATCH, MAX_INFERENCE_BATCH = 8, 250
PIXELS_OF_A_BATCH = 400_000
"""Limit on a CPU: what a network makes of so many stays in its caches. EfficientNet-lite0 at 224 x
224 took 104 images a second in batches of 8, and 34 in batches of 64 (2 cores, channels last)."""


def inference_batch_size(height: int, width: int, device: torch.device) -> int:
    """Images of a batch that is only looked at: no gradients, no statistics."""
    if device.type != "cpu":
        return MAX_INFERENCE_BATCH
    images = PIXELS_OF_A_BATCH // (height * width)
    return min(max(images, MIN_INFERENCE_BATCH), MAX_INFERENCE_BATCH)


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Some samples in a fixed order, as they are: for validation, test and prediction."""

    pixels: Pixels
    preprocess: Preprocess
    rows: NDArray[np.int64]
    """[n] row numbers in the `Samples`."""
    labels: NDArray[np.int64]
    """[N] class of every sample of the data set."""
    batch_size: int
    device: torch.device

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.canvases():
            yield Batch(
                images=self.preprocess.network_input(batch.canvases, self.device),
                targets=batch.targets,
                indices=batch.indices,
            )

    def canvases(self) -> Iterator[CanvasBatch]:
        """The same batches before they are normalised."""
        groups = _groups(self.rows, self.batch_size)
        for rows, pixels in zip(groups, self.pixels.stream(groups), strict=True):
            yield CanvasBatch(
                canvases=pixels.to(self.device, non_blocking=True),
                targets=_targets(self.labels, rows, self.device),
                indices=rows,
            )


@dataclass(frozen=True, kw_only=True)
class TrainingBatches:
    """The training part in a new order each epoch, augmented: the only batches that ever are.

    Order and augmentation are functions of (seed, epoch, batch): an epoch can be entered at any
    batch and goes on as if it had been run from its start.
    """

    pixels: Pixels
    preprocess: Preprocess
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    classes: int
    """Their number K; mixed targets are float32 [B, K]."""
    batch_size: int
    device: torch.device
    seed: int
    augmentation: Augmentation
    balanced: bool = False
    """True if an epoch shows every class equally often, in as many images as there are: some
    images of a rare class several times, and not all of a frequent one."""

    def __len__(self) -> int:
        return len(_training_groups(self.rows, self.batch_size))

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from batch number `start` on."""
        order = rng_for(self.seed, Purpose.ORDER, epoch)
        rows = balanced_rows(self.rows, self.labels, order) if self.balanced else self.rows
        groups = _training_groups(order.permutation(rows), self.batch_size)[start:]
        generator = torch.Generator(device=self.device)
        stream = self.pixels.stream(groups)
        for number, (rows, pixels) in enumerate(zip(groups, stream, strict=True), start=start):
            generator.manual_seed(derive_seed(self.seed, Purpose.AUGMENTATION, epoch, number))
            images = self.augmentation(_to_device(pixels, self.device), generator)
            targets = _targets(self.labels, rows, self.device)
            images, targets = self.augmentation.mix(
                images, targets, classes=self.classes, generator=generator
            )
            yield Batch(images=self.preprocess.normalise(images), targets=targets, indices=rows)


def balanced_rows(
    rows: NDArray[np.int64], labels: NDArray[np.int64], order: np.random.Generator
) -> NDArray[np.int64]:
    """[n] of the rows [n], every class as often as the others, but for one image.

    No image comes a second time before all of its class have come once.
    """
    classes = order.permutation(np.unique(labels[rows]))
    drawn = []
    # The classes with one image more are others in each epoch.
    for number, places in enumerate(np.array_split(np.arange(len(rows)), len(classes))):
        own = rows[labels[rows] == classes[number]]
        rounds = math.ceil(len(places) / len(own))
        drawn.append(np.concatenate([order.permutation(own) for _ in range(rounds)])[: len(places)])
    return np.concatenate(drawn)


def _groups(rows: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    return list(chunks(rows, batch_size))


def _training_groups(rows: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    """Groups of `batch_size`; a last single image joins the group before it.

    Batch normalisation has no variance over one image, and its gradient would be mere noise.
    """
    groups = _groups(rows, batch_size)
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [np.concatenate(groups[-2:])]
    return groups


def _to_device(pixels: Tensor, device: torch.device) -> Tensor:
    """uint8 [B, H, W, C] in memory to uint8 [B, C, H, W], channels last, on the device."""
    return pixels.to(device, non_blocking=True).permute(0, 3, 1, 2)


def _targets(labels: NDArray[np.int64], rows: NDArray[np.int64], device: torch.device) -> Tensor:
    """int64 [B] on the device."""
    return torch.from_numpy(labels[rows]).to(device, non_blocking=True)
