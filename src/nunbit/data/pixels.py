"""Decoded pixels of all samples behind one interface, wherever they are kept.

N samples, B images in a batch, H height, W width, C channels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from nunbit.data.array_cache import array_writer
from nunbit.data.block_sums import BlockSums
from nunbit.data.decode_rows import CHANGED, DecodingWork, decode_batches
from nunbit.data.pixel_cache import CachedPixels, PixelCache, Write
from nunbit.data.preprocess import Preprocess
from nunbit.errors import DataError
from nunbit.progress import Progress
from nunbit.types import Samples

if TYPE_CHECKING:
    from torch import Tensor

_STATISTICS_VALUES = 4_000_000
"""Pixel values of one step of `channel_statistics`: 32 MB as float64."""


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
        """Canvases of each batch of row numbers, uint8 [B, H, W, C] on the CPU, in order.

        Raises ValueError for a row that has no pixels.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits of what keeping pixels may cost."""

    ram_bytes: int
    disk_bytes: int
    """Size of the whole cache folder; 0 keeps nothing on disk."""
    workers: int
    """Threads or processes that decode."""
    cache_folder: Path | None = None
    """Default: $NUNBIT_CACHE, else the user's cache folder for nunbit."""


class ArrayPixels:
    """Pixels in one array, in memory or in a memory-mapped file."""

    def __init__(
        self,
        array: NDArray[np.uint8],
        *,
        reasons: tuple[str, ...],
        preprocess: Preprocess,
        sums: BlockSums | None = None,
    ) -> None:
        """`sums` compares rows of a memory map before their first use."""
        # A memory map's own indexing makes memory maps; the plain view of it makes arrays.
        self.array = np.asarray(array)
        self.reasons = reasons
        self.preprocess = preprocess
        self._sums = sums
        self._unusable = np.array([reason != "" for reason in reasons], dtype=np.bool_)

    def stream(self, index_batches: Iterable[NDArray[np.int64]]) -> Iterator[Tensor]:
        """See `Pixels.stream`; each batch is one gather, its memory belongs to the caller."""
        import torch

        for indices in index_batches:
            check_usable(indices, self._unusable, self.reasons)
            if self._sums is not None:
                self._sums.check(indices)
            yield torch.from_numpy(np.take(self.array, indices, axis=0))


def check_usable(
    indices: NDArray[np.int64], unusable: NDArray[np.bool_], reasons: tuple[str, ...]
) -> None:
    """Raise ValueError when one of the rows has no pixels: an excluded sample is never used."""
    if unusable[indices].any():
        row = int(indices[unusable[indices]][0])
        raise ValueError(f"sample {row} has no pixels: {reasons[row]}")


class DecodingPixels:
    """Pixels that are decoded again at each use, by workers that run ahead of the consumer.

    For data beyond every budget. Memory holds a few batches for each worker.
    """

    def __init__(self, work: DecodingWork, *, paths: tuple[str, ...]) -> None:
        self.preprocess = work.preprocess
        self.reasons = work.reasons
        self._work = work
        self._paths = paths

    def stream(self, index_batches: Iterable[NDArray[np.int64]]) -> Iterator[Tensor]:
        """See `Pixels.stream`; `index_batches` is read a few batches ahead.

        Workers start with the first batch and end with the last, or when the iterator is
        closed. Raises `DataError` when an image that could be decoded before no longer can.
        """
        import torch

        asked = deque[NDArray[np.int64]]()

        def checked() -> Iterator[NDArray[np.int64]]:
            for indices in index_batches:
                check_usable(indices, self._work.unusable, self.reasons)
                asked.append(indices)
                yield indices

        known = index_batches if isinstance(index_batches, Sequence) else None
        count = None if known is None else sum(map(len, known))
        results = decode_batches(
            self._work.images,
            checked(),
            preprocess=self.preprocess,
            sha256=self._work.sha256,
            workers=self._work.workers_for(count),
            count=count,
        )
        with closing(results):
            for result in results:
                self._insist(asked.popleft(), result.reasons)
                yield torch.from_numpy(result.pixels)

    def _insist(self, indices: NDArray[np.int64], reasons: tuple[str, ...]) -> None:
        for row, reason in zip(indices, reasons, strict=True):
            if reason:
                raise DataError(
                    f"an image can no longer be used: {reason}",
                    path=self._paths[row],
                    remedy="leave the images as they are while nunbit works, and start again",
                )


def open_pixels(
    samples: Samples,
    *,
    sha256: tuple[str, ...],
    reasons: tuple[str, ...],
    preprocess: Preprocess,
    budget: Budget,
    progress: Progress,
) -> Pixels:
    """The canvases of all samples without a reason against them.

    `sha256` [N] and `reasons` [N] are those of the `Inspection`. Arrays that already have the
    contract's size and channels are used as they are, unless it cuts off margins. Everything else
    is decoded once and kept in the cache on disk, from where it is read into memory or, beyond
    `ram_bytes`, mapped. What the disk may not or cannot hold is decoded into memory; what memory
    may not hold either is decoded once to learn its reasons, and then again at each use.
    """
    work = DecodingWork(
        images=samples.images,
        sha256=sha256,
        reasons=reasons,
        preprocess=preprocess,
        workers=budget.workers,
        progress=progress,
    )
    whole = preprocess.crop_share == 1
    array = samples.images.whole()
    if whole and array is not None and array.shape == work.shape:
        return ArrayPixels(array, reasons=reasons, preprocess=preprocess)
    kept = _from_cache(work, budget) if work.images_to_decode and work.key else None
    if kept is not None:
        merged = _merged(reasons, kept.reasons)
        return ArrayPixels(kept.array, reasons=merged, preprocess=preprocess, sums=kept.sums)
    if work.nbytes <= budget.ram_bytes:
        return _in_memory(work)
    found = _verdicts(work, budget)
    return DecodingPixels(replace(work, reasons=found), paths=samples.paths)


def _cache(work: DecodingWork, budget: Budget) -> PixelCache:
    return PixelCache(budget.cache_folder, disk_bytes=budget.disk_bytes, progress=work.progress)


def _from_cache(work: DecodingWork, budget: Budget) -> CachedPixels | None:
    """The cache's entry, made now if need be; None when the disk may not or cannot hold it."""
    if work.nbytes > budget.disk_bytes:
        return None
    cache = _cache(work, budget)
    into_ram = work.nbytes <= budget.ram_bytes

    def fill(write: Write) -> tuple[str, ...]:
        reasons = work.fill(write)
        if not _are_of_the_content(reasons):
            raise OSError("files changed, or could no longer be read, while they were decoded")
        return reasons

    try:
        found = cache.find(work.key, work.shape, into_ram=into_ram)
        if found is None:
            found = cache.build(work.key, work.shape, fill, into_ram=into_ram)
    except OSError as error:
        work.progress.note(
            f"decoded pixels are not kept on disk: {error.strerror or error} ({cache.folder})"
        )
        return None
    return found


def _are_of_the_content(reasons: tuple[str, ...]) -> bool:
    """Tell whether the reasons stay right while the files are as they were when inspected."""
    return not any(reason.startswith(CHANGED) for reason in reasons)


def _merged(given: tuple[str, ...], kept: tuple[str, ...]) -> tuple[str, ...]:
    """[N] today's reasons first: the cache may hold another wording of them."""
    return tuple(now or then for now, then in zip(given, kept, strict=True))


def _in_memory(work: DecodingWork) -> ArrayPixels:
    array = np.empty(work.shape, dtype=np.uint8)
    reasons = work.fill(array_writer(array))
    return ArrayPixels(array, reasons=reasons, preprocess=work.preprocess)


def _verdicts(work: DecodingWork, budget: Budget) -> tuple[str, ...]:
    """[N] the reasons after decoding everything once, now or in an earlier run."""
    cache = _cache(work, budget)
    known = cache.find_verdicts(work.key, len(work.reasons)) if work.key else None
    if known is not None:
        return _merged(work.reasons, known)
    reasons = work.fill(lambda _: None)
    if work.key and budget.disk_bytes > 0 and _are_of_the_content(reasons):
        try:
            cache.keep_verdicts(work.key, reasons)
        except OSError as error:
            work.progress.note(f"verdicts on images are not kept: {error.strerror or error}")
    return reasons


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
    contract, channels = pixels.preprocess, pixels.preprocess.channels
    rows_at_once = max(1, _STATISTICS_VALUES // (contract.height * contract.width * channels))
    batches = np.array_split(np.sort(indices), -(-len(indices) // rows_at_once))
    count = 0
    total = torch.zeros(channels, dtype=torch.float64)
    squares = torch.zeros(channels, dtype=torch.float64)
    for batch in pixels.stream(batches):
        values = batch.reshape(-1, channels).to(torch.float64)
        count += len(values)
        total += values.sum(dim=0)
        squares += values.square_().sum(dim=0)
    mean = total / count
    std = (squares / count - mean.square()).clamp(min=0).sqrt().clamp(min=1.0)
    return tuple((mean / 255).tolist()), tuple((std / 255).tolist())
