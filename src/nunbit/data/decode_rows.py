"""Decoding many images: inline for a few, in several processes for many, always in order.

n images of one call, N in all, H height, W width, C channels.
"""

from __future__ import annotations

import hashlib
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from numpy.typing import NDArray

from nunbit.data.decoding import read_image_bytes
from nunbit.data.preprocess import Preprocess
from nunbit.errors import DataError, UnusableImage
from nunbit.types import ImageArrays, ImageFiles

FEWEST_FOR_PROCESSES = 64
"""Below this many images, starting processes takes longer than decoding."""
_AHEAD = 3
"""Calls under way for each process: it never waits, and results never pile up."""
_IDLE_SECONDS = 20
"""After which a process ends by itself; reached only when its parent was killed."""


@dataclass(frozen=True)
class DecodedRows:
    """Canvases of some images."""

    pixels: NDArray[np.uint8]
    """[n, H, W, C]; zeros where there is a reason."""
    reasons: tuple[str, ...]
    """[n] '' where decoded."""


def decode_rows(
    preprocess: Preprocess, images: Sequence[Path] | NDArray[np.uint8], sha256: Sequence[str]
) -> DecodedRows:
    """Canvases of files or of array rows.

    `sha256` is what each file held when it was inspected ('' to trust it): a file that changed
    since is refused, so that nothing is kept under the digest of other content.
    """
    size = (len(images), preprocess.height, preprocess.width, preprocess.channels)
    pixels = np.zeros(size, dtype=np.uint8)
    reasons = [""] * len(images)
    for i, image in enumerate(images):
        try:
            if isinstance(image, np.ndarray):
                pixels[i] = preprocess.canvas_from_array(image)
                continue
            data = read_image_bytes(image)
            if sha256[i] and hashlib.sha256(data).hexdigest() != sha256[i]:
                raise UnusableImage("changed while nunbit was working")
            pixels[i] = preprocess.canvas(data)
        except UnusableImage as error:
            reasons[i] = error.what
    return DecodedRows(pixels, tuple(reasons))


def decode_batches(
    images: ImageFiles | ImageArrays,
    index_batches: Iterable[NDArray[np.int64]],
    *,
    preprocess: Preprocess,
    sha256: Sequence[str],
    workers: int,
) -> Iterator[DecodedRows]:
    """The canvases of each batch of row numbers, in order, decoded ahead by `workers` processes.

    With `workers` 0 everything happens in this process. At most `_AHEAD` batches per process are
    decoded ahead of the consumer. The processes end when the iterator does, is closed or fails.
    Raises `DataError` when one of them is killed.
    """
    jobs = (
        (preprocess, _pick(images, indices), [sha256[i] for i in indices])
        for indices in index_batches
    )
    if workers == 0:
        for job in jobs:
            yield decode_rows(*job)
        return
    # Joblib's own processes, unlike multiprocessing's, neither fork a process that has threads nor
    # import the user's script again, and they end by themselves when idle.
    pool = ProcessPoolExecutor(
        workers,
        timeout=_IDLE_SECONDS,
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    pending = deque[Any]()
    try:
        for job in jobs:
            pending.append(pool.submit(decode_rows, *job))
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


def _pick(
    images: ImageFiles | ImageArrays, indices: NDArray[np.int64]
) -> Sequence[Path] | NDArray[np.uint8]:
    if isinstance(images, ImageArrays):
        return images.array[indices]
    return [images.files[i] for i in indices]
