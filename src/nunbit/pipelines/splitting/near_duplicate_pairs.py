"""Pairs of images that show one picture, which a new split must keep together.

They are looked for on thumbnails of a contract of their own, which depends on the data alone: were
it the network's, another input size could change the split, and two trainings with one seed could
no longer be compared on one test part.

The pairs are kept in the cache, under a digest of all that it depends on.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray

from nunbit import __version__
from nunbit.chunks import chunks
from nunbit.config import Config
from nunbit.config.budget import decide_budget
from nunbit.data.array_cache import read_with_checksum, with_checksum
from nunbit.data.dataset import Dataset
from nunbit.data.inspect import Inspection
from nunbit.data.near_duplicates import HashObserver, Signatures, near_duplicates
from nunbit.data.near_duplicates.signatures import THUMBNAIL
from nunbit.data.pixel_cache import default_cache_folder
from nunbit.data.pixels import open_pixels
from nunbit.data.preprocess import Preprocess
from nunbit.files import write_atomically
from nunbit.progress import Progress
from nunbit.types import Samples

MAX_IMAGES = 20_000
"""Number of images beyond which a search before each training would take longer than many
trainings."""
SEARCH = 1
"""Number of the way to search: raised with each change of what it finds."""
_CHUNK_SIZE = 2048


def near_duplicate_pairs(dataset: Dataset, config: Config, progress: Progress) -> NDArray[np.int64]:
    """Pairs of rows that show one picture, int64 [P, 2].

    Nothing is looked for where the settings say so, where the data give parts, which stay as they
    are, and, with a note, among more than `MAX_IMAGES` images.
    """
    none = np.empty((0, 2), dtype=np.int64)
    samples = dataset.samples
    rows = np.flatnonzero([not reason for reason in dataset.reasons]).astype(np.int64)
    given = any(samples.parts[row] for row in rows)
    if config.split.near_duplicates == "ignore" or given:
        return none
    if len(rows) > MAX_IMAGES:
        progress.note(
            f"near-duplicates are not looked for before the split of {len(rows):,} images (the "
            f"limit is {MAX_IMAGES:,}); `nunbit check` finds them"
        )
        return none
    contract = thumbnail_contract(dataset.inspection, dataset.preprocess, config)
    record = _record(dataset, contract, config)
    pairs = _recorded(record)
    if pairs is None:
        signatures = signatures_of(
            samples, dataset.sha256, dataset.reasons, rows, contract, config, progress
        )
        pairs = near_duplicates(signatures, progress=progress).pairs
        _keep(record, pairs, progress)
    _report(pairs, dataset, progress)
    return pairs


def signatures_of(
    samples: Samples,
    sha256: tuple[str, ...],
    reasons: tuple[str, ...],
    rows: NDArray[np.int64],
    contract: Preprocess,
    config: Config,
    progress: Progress,
) -> Signatures:
    """Signatures of some rows, from their thumbnails under `contract`."""
    thumbnails = open_pixels(
        samples,
        sha256=sha256,
        reasons=reasons,
        preprocess=contract,
        budget=decide_budget(config.pixels),
        progress=progress,
    )
    observer = HashObserver()
    batches = list(chunks(rows, _CHUNK_SIZE))
    for batch, canvases in zip(batches, thumbnails.stream(batches), strict=True):
        observer.observe(batch, canvases.numpy())
    return observer.signatures()


def _record(dataset: Dataset, contract: Preprocess, config: Config) -> Path | None:
    """Path of the cached pairs of these images; None if they cannot be cached."""
    pairs = zip(dataset.sha256, dataset.reasons, strict=True)
    digests = ["-" if reason else digest for digest, reason in pairs]
    if config.pixels.disk_budget_bytes == 0 or "" in digests:
        return None
    way = f"{SEARCH} {__version__} {contract.canvas_key} Pillow {PIL.__version__}"
    key = hashlib.sha256("\n".join([way, *digests]).encode()).hexdigest()
    return default_cache_folder() / "copies" / f"{key}.json"


def _recorded(record: Path | None) -> NDArray[np.int64] | None:
    """The pairs that an earlier search found; None where there was none, or it is damaged."""
    if record is None:
        return None
    try:
        return np.array(read_with_checksum(record)["pairs"], dtype=np.int64).reshape(-1, 2)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(record: Path | None, pairs: NDArray[np.int64], progress: Progress) -> None:
    if record is None:
        return
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(record, with_checksum({"pairs": pairs.tolist()}))
    except OSError as error:
        progress.note(f"near-duplicates are not cached: {error.strerror or error}")


def thumbnail_contract(
    inspection: Inspection, preprocess: Preprocess, config: Config
) -> Preprocess:
    """The contract of the thumbnails; of the network's, it takes what pixels mean."""
    grey = inspection.is_grey
    return Preprocess(
        height=min(THUMBNAIL, inspection.median_height),
        width=min(THUMBNAIL, inspection.median_width),
        channels=1 if grey else 3,
        fit="squash",
        mean=(0.0,) if grey else (0.0,) * 3,
        std=(1.0,) if grey else (1.0,) * 3,
        max_pixels=config.pixels.max_pixels,
        range=preprocess.range,
        frame=preprocess.frame,
        transparency=preprocess.transparency,
    )


def _report(pairs: NDArray[np.int64], dataset: Dataset, progress: Progress) -> None:
    sha256 = dataset.sha256
    fresh = [(a, b) for a, b in pairs.tolist() if sha256[a] != sha256[b]]
    if not fresh:
        return
    images = len({row for pair in fresh for row in pair})
    first, second = (dataset.samples.paths[row] for row in fresh[0])
    progress.note(
        f"{images:,} images are near-duplicates of each other, such as {first} and {second}: the "
        "split keeps them together"
    )
