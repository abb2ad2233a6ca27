"""Copies of one picture that a new split must keep together.

They are looked for on thumbnails of a contract of their own, which depends on the data alone: were
it the network's, another input size could change the split, and two trainings with one seed could
no longer be compared on one test part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nunbit.config import Config
from nunbit.data.near_duplicates import HashObserver, near_duplicates
from nunbit.data.near_duplicates.signatures import THUMBNAIL
from nunbit.data.pixels import Pixels, open_pixels
from nunbit.data.preprocess import Preprocess
from nunbit.progress import Progress
from nunbit.run.prepare import Prepared, pixel_budget

MOST_IMAGES = 20_000
"""Beyond, a search before each training would take longer than many trainings."""
_AT_ONCE = 2048


def copies_to_keep_together(
    prepared: Prepared, config: Config, progress: Progress
) -> NDArray[np.int64]:
    """Pairs of rows, int64 [P, 2]; none where the settings or the data make the search idle.

    Nothing is looked for where the data give parts, which stay as they are, and among more than
    `MOST_IMAGES` images, which is told.
    """
    none = np.empty((0, 2), dtype=np.int64)
    samples = prepared.samples
    rows = np.flatnonzero([not reason for reason in prepared.reasons]).astype(np.int64)
    given = any(samples.parts[row] for row in rows)
    if config.split.near_duplicates == "ignore" or given:
        return none
    if len(rows) > MOST_IMAGES:
        progress.note(
            f"near-duplicates are not looked for before the split of {len(rows):,} images (the "
            f"limit is {MOST_IMAGES:,}); `nunbit check` finds them"
        )
        return none
    thumbnails = _thumbnails(prepared, config, progress)
    observer = HashObserver()
    batches = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
    for batch, canvases in zip(batches, thumbnails.stream(batches), strict=True):
        observer.observe(batch, canvases.numpy())
    found = near_duplicates(observer.signatures(), progress=progress)
    _tell(found.pairs, prepared, progress)
    return found.pairs


def _thumbnails(prepared: Prepared, config: Config, progress: Progress) -> Pixels:
    inspection = prepared.inspection
    grey = inspection.is_grey
    contract = Preprocess(
        height=min(THUMBNAIL, inspection.median_height),
        width=min(THUMBNAIL, inspection.median_width),
        channels=1 if grey else 3,
        fit="squash",
        mean=(0.0,) if grey else (0.0,) * 3,
        std=(1.0,) if grey else (1.0,) * 3,
        max_pixels=config.pixels.max_pixels,
    )
    return open_pixels(
        prepared.samples,
        sha256=inspection.sha256,
        reasons=prepared.reasons,
        preprocess=contract,
        budget=pixel_budget(config.pixels),
        progress=progress,
    )


def _tell(pairs: NDArray[np.int64], prepared: Prepared, progress: Progress) -> None:
    sha256 = prepared.inspection.sha256
    fresh = [(a, b) for a, b in pairs.tolist() if sha256[a] != sha256[b]]
    if not fresh:
        return
    images = len({row for pair in fresh for row in pair})
    first, second = (prepared.samples.paths[row] for row in fresh[0])
    progress.note(
        f"{images:,} images are near-duplicates of each other, such as {first} and {second}: the "
        "split keeps them together"
    )
