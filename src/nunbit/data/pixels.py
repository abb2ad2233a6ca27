"""Decoded pixels of all samples behind one interface, wherever they are kept.

N samples, B images in a batch, H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from nunbit.data.decode_rows import FEWEST_FOR_PROCESSES, decode_batches
from nunbit.data.preprocess import Preprocess
from nunbit.progress import Progress
from nunbit.types import ImageArrays, Samples

if TYPE_CHECKING:
    from torch import Tensor


class Pixels(Protocol):
    """Canvases of all samples."""

    @property
    def preprocess(self) -> Preprocess:
        """The contract that shaped them."""
        ...

    @property
    def reasons(self) -> tuple[str, ...]:
        """[N] '' where there are pixels, else why not: the reason given, or why decoding failed."""
        ...

    def stream(self, index_batches: Iterable[NDArray[np.int64]]) -> Iterator[Tensor]:
        """For each batch of row numbers, uint8 [B, H, W, C] on the CPU, in order.

        Raises ValueError for a row that has no pixels.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What keeping pixels may cost."""

    ram_bytes: int
    disk_bytes: int
    """Of the whole cache folder; 0 keeps nothing on disk."""
    workers: int
    """Processes that decode."""
    cache_folder: Path | None = None
    """Default: $NUNBIT_CACHE, else the user's cache folder for nunbit."""


class ArrayPixels:
    """Pixels in one array, in memory or in a memory-mapped file."""

    def __init__(
        self, array: NDArray[np.uint8], *, reasons: tuple[str, ...], preprocess: Preprocess
    ) -> None:
        # A memory map's own indexing makes memory maps; the plain view of it makes arrays.
        self.array = np.asarray(array)
        self.reasons = reasons
        self.preprocess = preprocess
        self._unusable = np.array([reason != "" for reason in reasons], dtype=np.bool_)

    def stream(self, index_batches: Iterable[NDArray[np.int64]]) -> Iterator[Tensor]:
        """See `Pixels.stream`; each batch is one gather, its memory belongs to the caller."""
        import torch

        for indices in index_batches:
            refuse_unusable(indices, self._unusable, self.reasons)
            yield torch.from_numpy(np.take(self.array, indices, axis=0))


def refuse_unusable(
    indices: NDArray[np.int64], unusable: NDArray[np.bool_], reasons: tuple[str, ...]
) -> None:
    """Raise ValueError when one of the rows has no pixels: an excluded sample is never used."""
    if unusable[indices].any():
        row = int(indices[unusable[indices]][0])
        raise ValueError(f"sample {row} has no pixels: {reasons[row]}")


def open_pixels(
    samples: Samples,
    *,
    sha256: tuple[str, ...],
    reasons: tuple[str, ...],
    preprocess: Preprocess,
    budget: Budget,
    progress: Progress,
) -> Pixels:
    """The canvases of all samples without a reason against them, decoded at most once.

    `sha256` [N] and `reasons` [N] are those of the `Inspection`. Arrays that already have the
    contract's size and channels are used as they are.
    """
    images = samples.images
    shape = (len(samples), preprocess.height, preprocess.width, preprocess.channels)
    if isinstance(images, ImageArrays) and images.array.shape == shape:
        return ArrayPixels(images.array, reasons=reasons, preprocess=preprocess)
    pixels = np.zeros(shape, dtype=np.uint8)
    found = list(reasons)
    usable = np.flatnonzero(np.array([reason == "" for reason in reasons], dtype=np.bool_))
    workers = 0 if len(usable) < FEWEST_FOR_PROCESSES else budget.workers
    batches = np.array_split(usable, max(1, len(usable) // 32))
    results = decode_batches(images, batches, preprocess=preprocess, sha256=sha256, workers=workers)
    for rows, result in zip(
        progress.track(batches, total=len(batches), title="Decoding images"), results, strict=True
    ):
        pixels[rows] = result.pixels
        for row, reason in zip(rows, result.reasons, strict=True):
            found[row] = reason
    return ArrayPixels(pixels, reasons=tuple(found), preprocess=preprocess)


def channel_statistics(
    pixels: Pixels, indices: NDArray[np.int64]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel over some rows, of pixels scaled to 0..1.

    The sums are of whole numbers below 2^53, hence exact and the same on every machine. A channel
    that never changes gets the standard deviation of one grey level, 1/255, so that dividing by
    it stays harmless. Raises ValueError without rows.
    """
    import torch

    if len(indices) == 0:
        raise ValueError("no images to take statistics of")
    channels = pixels.preprocess.channels
    count = 0
    total = torch.zeros(channels, dtype=torch.float64)
    squares = torch.zeros(channels, dtype=torch.float64)
    for batch in pixels.stream(np.array_split(np.sort(indices), -(-len(indices) // 256))):
        values = batch.reshape(-1, channels).to(torch.float64)
        count += len(values)
        total += values.sum(dim=0)
        squares += values.square_().sum(dim=0)
    mean = total / count
    std = (squares / count - mean.square()).clamp(min=0).sqrt().clamp(min=1.0)
    return tuple((mean / 255).tolist()), tuple((std / 255).tolist())
