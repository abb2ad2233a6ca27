"""Decoding many images: inline for a few, side by side for many, always in order.

n images of one call, N in all, H height, W width, C channels.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import PIL
from numpy.typing import NDArray

from nunbit.chunks import chunk_slices
from nunbit.data.formats import foreign
from nunbit.data.preprocess import Preprocess
from nunbit.errors import DataError, UnusableImage
from nunbit.progress import Progress
from nunbit.types import ImageStore

MIN_IMAGES_FOR_WORKERS = 16
"""Below this many images nothing is worth being done side by side."""
SECONDS_FOR_THREADS = 0.0003
"""Time of one image. Decoders let go of Python's lock, but what surrounds them does not: of images
that take longer, two threads decode twice as many as one; of the tiniest, half as many."""
SECONDS_FOR_PROCESSES = 1.5
"""Time of all tiny images together; starting processes takes half of it."""
_ROWS_OF_A_THREAD = 8
_AHEAD = 2
"""Calls under way for each process: it never waits, and results never pile up."""
_MAX_ROWS, _MAX_BYTES = 64, 8_000_000
"""Limits of the canvases that one call returns."""
_IDLE_SECONDS = 60
"""Time after which a process without work ends, until there is some again."""
CHANGED = "changed while nunbit was working"
"""Beginning of the reason for a file that is not what was inspected; all others hold for good."""
_WATCH_SECONDS = 1.0
"""Time between two looks of a process at whether its parent still lives."""


@dataclass(frozen=True)
class DecodedRows:
    """Canvases of some images."""

    pixels: NDArray[np.uint8]
    """[n, H, W, C]; zeros where there is a reason."""
    reasons: tuple[str, ...]
    """[n] '' where decoded."""


def decode_rows(
    preprocess: Preprocess, images: ImageStore, rows: Rows, sha256: Sequence[str]
) -> DecodedRows:
    """Canvases of some rows [n] of a storage.

    `sha256` [n] is what each image file held when it was inspected ('' to trust it): one that
    changed since gets a reason, so that nothing is kept under the digest of other content.
    """
    size = (len(rows), preprocess.height, preprocess.width, preprocess.channels)
    pixels = np.zeros(size, dtype=np.uint8)
    reasons = [""] * len(rows)
    for i, row in enumerate(rows):
        try:
            pixels[i] = _canvas(preprocess, images, int(row), sha256[i])
        except UnusableImage as error:
            reasons[i] = error.what
    return DecodedRows(pixels, tuple(reasons))


def _canvas(preprocess: Preprocess, images: ImageStore, row: int, sha256: str) -> NDArray[np.uint8]:
    try:
        content = images.read(row)
    except UnusableImage as error:
        if not sha256:
            raise
        raise UnusableImage(f"{CHANGED}: {error.what}") from None
    if isinstance(content, np.ndarray):
        return preprocess.canvas_from_array(content)
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise UnusableImage(CHANGED)
    return preprocess.canvas(content)


Rows = Sequence[int] | NDArray[np.int64]
Job = tuple[Preprocess, ImageStore, Rows, Sequence[str]]
"""The arguments of `decode_rows`."""
How = Literal["inline", "threads", "processes"]


def decode_batches(
    images: ImageStore,
    index_batches: Iterable[NDArray[np.int64]],
    *,
    preprocess: Preprocess,
    sha256: Sequence[str],
    workers: int,
    count: int | None = None,
    how: How | None = None,
) -> Generator[DecodedRows, None, None]:
    """The canvases of each batch of row numbers, in order, decoded ahead by so many workers.

    With `workers` 0 nothing is decoded ahead. Otherwise the first images are timed to choose `how`,
    if it is not given; `count` is the number of images in all, None for very many. At most
    `_AHEAD` batches per worker are decoded ahead of the consumer. The workers end when the iterator
    does, is closed or fails. Raises `DataError` when a process is killed.
    """
    jobs: Iterator[Job] = (
        (preprocess, images, indices, [sha256[i] for i in indices]) for indices in index_batches
    )
    if workers > 0:
        first = list(itertools.islice(jobs, 1))
        jobs = itertools.chain(first, jobs)
        how = how or _best_way(first, count)
    match how if workers > 0 else "inline":
        case "inline":
            yield from (decode_rows(*job) for job in jobs)
        case "threads":
            yield from _in_threads(jobs, workers)
        case "processes":
            yield from _in_processes(jobs, workers)


def _best_way(first: Sequence[Job], count: int | None) -> How:
    """The way that pays for images like the first ones, by the time that some of these take."""
    for preprocess, images, rows, sha256 in first:
        decode_rows(preprocess, images, rows[:1], sha256[:1])  # the very first also loads decoders
        began = time.perf_counter()
        some = decode_rows(preprocess, images, rows[1:4], sha256[1:4])
        each = (time.perf_counter() - began) / max(1, len(some.reasons))
        if each > SECONDS_FOR_THREADS:
            return "threads"
        if count is None or each * count > SECONDS_FOR_PROCESSES:
            return "processes"
    return "inline"


def _in_threads(jobs: Iterable[Job], workers: int) -> Iterator[DecodedRows]:
    pending = deque[list[Future[DecodedRows]]]()
    pool = ThreadPoolExecutor(workers)
    try:
        for preprocess, images, rows, sha256 in jobs:
            # A batch of no images has one part, too: its canvases have a shape.
            parts = list(chunk_slices(len(rows), _ROWS_OF_A_THREAD)) or [slice(0)]
            pending.append(
                [pool.submit(decode_rows, preprocess, images, rows[p], sha256[p]) for p in parts]
            )
            if len(pending) >= _AHEAD * workers:
                yield _joined(pending.popleft())
        while pending:
            yield _joined(pending.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _joined(parts: Sequence[Future[DecodedRows]]) -> DecodedRows:
    results = [part.result() for part in parts]
    reasons = tuple(reason for result in results for reason in result.reasons)
    return DecodedRows(np.concatenate([result.pixels for result in results]), reasons)


def _in_processes(jobs: Iterable[Job], workers: int) -> Iterator[DecodedRows]:
    from loky import ProcessPoolExecutor
    from loky.process_executor import TerminatedWorkerError

    # Loky's processes, unlike multiprocessing's, neither fork a process that has threads nor
    # import the user's script again.
    pool = ProcessPoolExecutor(
        workers,
        timeout=_IDLE_SECONDS,
        initializer=_prepare_process,
        initargs=(os.getpid(),),
    )
    pending = deque[Any]()
    try:
        for preprocess, images, rows, sha256 in jobs:
            # Only what is to be decoded travels to the process.
            some = images.take(rows)
            pending.append(pool.submit(decode_rows, preprocess, some, range(len(rows)), sha256))
            if len(pending) >= _AHEAD * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except TerminatedWorkerError:
        raise DataError(
            "a process that decodes images was ended from outside, perhaps for lack of memory",
            remedy="use fewer decoding workers or a smaller image size",
        ) from None
    finally:
        for future in pending:
            future.cancel()
        pool.shutdown(wait=True, kill_workers=True)


def _prepare_process(parent: int) -> None:
    """Let a decoding process leave Ctrl-C to its parent, and end soon after the parent has ended.

    Without the second, a process whose parent was killed would wait for ever to hand over a result.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@dataclass(frozen=True, kw_only=True)
class DecodingWork:
    """All images of a data set and the contract to decode them under."""

    images: ImageStore
    sha256: tuple[str, ...]
    """[N] of each image's content."""
    reasons: tuple[str, ...]
    """[N] images with a reason against them are not touched."""
    preprocess: Preprocess
    workers: int
    """Threads or processes that decode; 0 for none but this one."""
    progress: Progress

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C) of all canvases."""
        contract = self.preprocess
        return (len(self.images), contract.height, contract.width, contract.channels)

    @property
    def nbytes(self) -> int:
        """Bytes of all canvases."""
        return math.prod(self.shape)

    @cached_property
    def unusable(self) -> NDArray[np.bool_]:
        """[N] images with a reason against them."""
        return np.array([reason != "" for reason in self.reasons], dtype=np.bool_)

    @cached_property
    def key(self) -> str:
        """Digest of everything that decides the pixels: content, contract and decoder.

        '' when an image has no digest, so that nothing can be known about its content.
        """
        digests = [d if ok else "-" for d, ok in zip(self.sha256, ~self.unusable, strict=True)]
        if "" in digests:
            return ""
        readers = (f"Pillow {PIL.__version__}", *foreign.installed_readers())
        decoder = " ".join((self.preprocess.canvas_key, *readers, str(self.shape)))
        return hashlib.sha256("\n".join([decoder, *digests]).encode()).hexdigest()

    def fill(self, write: Callable[[NDArray[np.uint8]], None]) -> tuple[str, ...]:
        """Decode everything once, handing [n, H, W, C] to `write` in order, N canvases in all.

        Returns [N] the reasons given and those found. What has a reason is written as zeros.
        """
        reasons = list(self.reasons)

        def decoded() -> Iterator[int]:
            for part, result in zip(parts, results, strict=True):
                rows = part[~self.unusable[part]]
                whole = result.pixels
                if len(rows) < len(part):
                    whole = np.zeros((len(part), *self.shape[1:]), dtype=np.uint8)
                    whole[rows - part[0]] = result.pixels
                write(whole)
                for row, reason in zip(rows, result.reasons, strict=True):
                    reasons[row] = reason
                yield from range(len(rows))

        parts = self._parts()
        results = decode_batches(
            self.images,
            [part[~self.unusable[part]] for part in parts],
            preprocess=self.preprocess,
            sha256=self.sha256,
            workers=self.workers_for(self.images_to_decode),
            count=self.images_to_decode,
        )
        with closing(results):
            count = self.images_to_decode
            for _ in self.progress.track(decoded(), total=count, title="Decoding images"):
                pass
        return tuple(reasons)

    @property
    def images_to_decode(self) -> int:
        """Number of images without a reason against them."""
        return int((~self.unusable).sum())

    def workers_for(self, count: int | None) -> int:
        """Workers worth starting for so many images, None for very many."""
        few = count is not None and count < MIN_IMAGES_FOR_WORKERS
        return self.workers if self.workers > 1 and not few else 0

    def _parts(self) -> list[NDArray[np.int64]]:
        """Row numbers in runs, each small enough to travel between processes."""
        length = max(1, min(_MAX_ROWS, _MAX_BYTES // max(1, math.prod(self.shape[1:]))))
        starts = range(0, len(self.images), length)
        return [np.arange(s, min(s + length, len(self.images)), dtype=np.int64) for s in starts]
