"""Some images of the data as the network would see them, without decoding all the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nunbit.data.decode_rows import decode_rows
from nunbit.data.inspect import Inspection
from nunbit.data.preprocess import Preprocess
from nunbit.errors import DataError
from nunbit.reports.augmentation import Pictures
from nunbit.seeds import Purpose, rng_for
from nunbit.types import Samples


def sample_images(
    samples: Samples, inspection: Inspection, preprocess: Preprocess, *, count: int, seed: int
) -> Pictures:
    """Up to `count` images, spread over the classes; fewer where there are no more.

    Images of a test or validation part are taken only where the data have no others.

    Raises:
        DataError: when no image can be decoded.
    """
    order = _spread(samples, inspection.reasons, seed=seed)
    canvases: list[NDArray[np.uint8]] = []
    rows: list[int] = []
    reason = "nothing was found"
    for row in order:
        if len(rows) == count:
            break
        canvas, reason = _canvas(samples, inspection.sha256[row], preprocess, int(row))
        if canvas is not None:
            canvases.append(canvas)
            rows.append(int(row))
    if not rows:
        raise DataError(
            f"no image can be shown: {reason}",
            path=samples.location,
            remedy="`nunbit check` lists what is wrong with the files",
        )
    # Classes in their order, so that the eye finds its way.
    shown = sorted(range(len(rows)), key=lambda place: (samples.labels[rows[place]], rows[place]))
    return Pictures(
        dataset=samples.name,
        canvases=np.stack([canvases[place] for place in shown]),
        paths=tuple(samples.paths[rows[place]] for place in shown),
        labels=samples.labels[[rows[place] for place in shown]],
        classes=samples.classes,
    )


def _spread(samples: Samples, reasons: tuple[str, ...], *, seed: int) -> NDArray[np.int64]:
    """Usable rows: one of each class in a random order of classes, then a second of each, ..."""
    usable = np.array([not reason for reason in reasons]) & (samples.labels >= 0)
    held_back = np.isin(samples.parts, ("validation", "test"))
    rng = rng_for(seed, Purpose.SAMPLE)
    rows = rng.permutation(np.flatnonzero(usable))
    class_order = rng.permutation(len(samples.classes))
    turns = np.zeros((2, len(samples.classes)), dtype=np.int64)
    keys = []
    for row in rows:
        late, label = int(held_back[row]), samples.labels[row]
        keys.append((late, int(turns[late, label]), int(class_order[label])))
        turns[late, label] += 1
    return rows[sorted(range(len(rows)), key=keys.__getitem__)]


def _canvas(
    samples: Samples, sha256: str, preprocess: Preprocess, row: int
) -> tuple[NDArray[np.uint8] | None, str]:
    """A canvas [H, W, C], or None and the reason."""
    decoded = decode_rows(preprocess, samples.images, [row], [sha256])
    return (None if decoded.reasons[0] else decoded.pixels[0]), decoded.reasons[0]
