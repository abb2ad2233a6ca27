"""Training on what the stages that do not learn make of the images, computed once per image.

N samples, B images in a batch; an activation is what flows through the boundary between the stages
that do not learn and those that do: float [C, H, W] or [D].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nunbit.chunks import chunks
from nunbit.data.augment import Augmentation
from nunbit.data.augment.flips_and_shifts import HorizontalFlip
from nunbit.data.batches import Batches, TrainingBatches
from nunbit.data.preprocess import Preprocess
from nunbit.types import Batch

_SIDES = Preprocess(height=1, width=2, channels=1, mean=(0.0,), std=(1.0,))


@dataclass(frozen=True, kw_only=True)
class Activations:
    """Activations of some samples, in memory or in a memory-mapped file."""

    values: NDArray[np.float32]
    """[n, ...]"""
    rows: NDArray[np.int64]
    """[n] row numbers in the `Samples`, ascending."""

    def of(self, rows: NDArray[np.int64]) -> Tensor:
        """Those of some of the rows, float32 [B, ...] on the CPU.

        Raises ValueError for a row that has none.
        """
        places = np.searchsorted(self.rows, rows)
        if (places >= len(self.rows)).any() or (self.rows[places] != rows).any():
            raise ValueError("there is no activation for some of the rows")
        # A memory map's own indexing makes memory maps; the plain view of it makes arrays.
        return torch.from_numpy(np.take(np.asarray(self.values), places, axis=0))


def only_flips(augmentation: Augmentation) -> bool:
    """Tell whether an image has at most two forms in training: as it is, and mirrored."""
    mirroring = all(isinstance(each, HorizontalFlip) for each in augmentation.operations)
    return mirroring and not augmentation.mixing


def mirrors(augmentation: Augmentation) -> bool:
    """Tell whether any operation mirrors left and right."""
    return any(isinstance(operation, HorizontalFlip) for operation in augmentation.operations)


@dataclass(frozen=True, kw_only=True)
class ActivationBatches:
    """Some samples in the order of `batches`, with activations in the place of images."""

    batches: Batches
    """Rows, labels, size and device; its pixels are not read."""
    activations: Activations

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        for chosen in chunks(self.batches.rows, self.batches.batch_size):
            labels = torch.from_numpy(self.batches.labels[chosen])
            yield Batch(
                images=_on(self.activations.of(chosen), self.batches.device),
                targets=labels.to(self.batches.device, non_blocking=True),
                indices=chosen,
            )


class TrainingActivations:
    """The training part with activations in the place of images, in the order of `TrainingBatches`.

    Order and mirroring are those that `TrainingBatches` would draw, because it draws them: it is
    given pictures of two pixels, dark and light, and what comes out mirrored tells what to take.
    """

    def __init__(
        self,
        *,
        rows: NDArray[np.int64],
        labels: NDArray[np.int64],
        batch_size: int,
        device: torch.device,
        seed: int,
        augmentation: Augmentation,
        views: Mapping[bool, Activations],
        balanced: bool = False,
    ) -> None:
        """Prepare the batches.

        Args:
            rows: [n] of the training part.
            labels: [N] class of every sample.
            batch_size: images in a batch.
            device: where the batches are wanted.
            seed: the run's.
            augmentation: mirrors at most; see `only_flips`.
            views: activations of the rows as they are (False) and mirrored (True); the second only
                where the augmentation mirrors.
            balanced: whether every class is shown equally often.

        Raises ValueError for an augmentation that changes images in another way.
        """
        if not only_flips(augmentation):
            raise ValueError(f"the augmentation {augmentation.name} does more than mirror")
        self.device = device
        self.views = views
        self._drawn = TrainingBatches(
            pixels=_TwoSides(),
            preprocess=_SIDES,
            rows=rows,
            labels=labels,
            classes=int(labels.max()) + 1,
            batch_size=batch_size,
            # On the training device, whose generator draws other numbers than the CPU's.
            device=device,
            seed=seed,
            augmentation=augmentation,
            balanced=balanced,
        )

    def __len__(self) -> int:
        return len(self._drawn)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """See `nunbit.training.loop.EpochBatches.epoch`."""
        for batch in self._drawn.epoch(epoch, start=start):
            mirrored = (batch.images[:, 0, 0, 0] > 0.5).cpu()
            values = self.views[False].of(batch.indices)
            if mirrored.any():
                values[mirrored] = self.views[True].of(batch.indices[mirrored.numpy()])
            yield Batch(
                images=_on(values, self.device), targets=batch.targets, indices=batch.indices
            )


class _TwoSides:
    """Pictures of a dark pixel and a light one, for every row."""

    preprocess = _SIDES
    reasons: tuple[str, ...] = ()

    def stream(self, index_batches: Iterable[NDArray[np.int64]]) -> Iterator[Tensor]:
        """See `nunbit.data.pixels.Pixels.stream`."""
        for indices in index_batches:
            yield (
                torch.tensor([0, 255], dtype=torch.uint8)
                .view(1, 1, 2, 1)
                .repeat(len(indices), 1, 1, 1)
            )


def _on(values: Tensor, device: torch.device) -> Tensor:
    """Tensors on the device; maps channels last, as the convolutions after them compute fastest."""
    if values.ndim == 4:
        values = values.contiguous(memory_format=torch.channels_last)
    return values.to(device, non_blocking=True)
