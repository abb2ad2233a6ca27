"""Pairs of images that are copies of one picture, told from pictures that are merely alike.

Handwritten sevens and plain trousers resemble each other closely, so no fixed distance separates a
copy from a look-alike. A copy is far closer than the pictures around it: both its distance as a
description and what it leaves unexplained once laid over the other (`candidates`, `alignment`) are
divided by the same measures for the fifth of the other neighbours, and the geometric mean of both
quotients must be small.

n images, P pairs, k neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from nunbit.data.near_duplicates import limits
from nunbit.data.near_duplicates.alignment import unexplained
from nunbit.data.near_duplicates.candidates import Neighbours, nearest
from nunbit.data.near_duplicates.signatures import Signatures
from nunbit.progress import SILENT, Progress

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class NearDuplicates:
    """Pairs of copies."""

    pairs: NDArray[np.int64]
    """[P, 2] row numbers in the `Samples`, the lower first, ascending."""
    similarity: NDArray[np.float64]
    """[P] correlation of both thumbnails once laid over each other, up to 1."""

    def __len__(self) -> int:
        return len(self.pairs)


def near_duplicates(signatures: Signatures, *, progress: Progress = SILENT) -> NearDuplicates:
    """Find the copies: re-encoded, resized, slightly cropped, brightened, or the very same.

    Finds crops that keep 90 % of each side or more, and contrasts from half to twice. Mirrored
    and turned copies are not looked for, nor pictures without contrast, such as blank pages; those
    of fewer than 4 pixels a side must be identical. Of pictures whose thumbnails are identical,
    each is paired with the first alone. Deterministic; memory for n images is about 2 kB each
    beyond the signatures.
    """
    thumbnails = signatures.thumbnails
    first_of = _first_identical(signatures)
    shows = np.array([image.std() >= limits.MIN_CONTRAST for image in thumbnails], dtype=np.bool_)
    is_first = first_of == np.arange(len(thumbnails))
    distinct, same = np.flatnonzero(is_first & shows), np.flatnonzero(~is_first & shows)
    found, left = _search(thumbnails[distinct], signatures.colours[distinct], progress)
    pairs = np.concatenate([distinct[found], np.stack([first_of[same], same], axis=1)])
    similarity = np.sqrt(1 - np.concatenate([left, np.zeros(len(same))]).astype(np.float64))
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return NearDuplicates(pairs=signatures.rows[pairs[order]], similarity=similarity[order])


def _first_identical(signatures: Signatures) -> NDArray[np.int64]:
    """[n] the first image with the same thumbnail and colours."""
    first: dict[bytes, int] = {}
    digests = (
        blake2b(thumbnail.tobytes() + colours.tobytes(), digest_size=16).digest()
        for thumbnail, colours in zip(signatures.thumbnails, signatures.colours, strict=True)
    )
    return np.array([first.setdefault(digest, i) for i, digest in enumerate(digests)], np.int64)


def _search(
    thumbnails: NDArray[np.uint8], colours: NDArray[np.int16], progress: Progress
) -> tuple[NDArray[np.int64], Floats]:
    """Pairs [P, 2] of different thumbnails, and what they leave unexplained [P]."""
    nothing = np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.float32)
    if len(thumbnails) < 2 or min(thumbnails.shape[1:]) < limits.MIN_SIDE:
        return nothing
    neighbours = nearest(thumbnails, k=limits.NEIGHBOURS, progress=progress)
    pairs, distances = _pairs_of(neighbours)
    described = distances / _scale_of_pairs(
        neighbours.distances, pairs, minimum=limits.MIN_DISTANCE
    )
    plausible = described <= limits.MAX_DESCRIBED
    pairs, described = pairs[plausible], described[plausible]
    if len(pairs) == 0:
        return nothing
    left, gains = unexplained(thumbnails, pairs)
    near = (left <= limits.MAX_UNEXPLAINED) & _same_colours(colours, pairs, gains)
    pairs, described, left = pairs[near], described[near], left[near]
    if len(pairs) == 0:
        return nothing
    copies = np.sqrt(described * left / limits.MIN_LEFT) <= limits.MAX_QUOTIENT
    open_ones = np.flatnonzero(~copies)
    if len(open_ones):
        around = _unexplained_around(thumbnails, neighbours, pairs[open_ones])
        scale = _scale_of_pairs(around, pairs[open_ones], minimum=limits.MIN_LEFT)
        laid_over = left[open_ones] / scale
        copies[open_ones] = np.sqrt(described[open_ones] * laid_over) <= limits.MAX_QUOTIENT
    return pairs[copies], left[copies]


def _pairs_of(neighbours: Neighbours) -> tuple[NDArray[np.int64], Floats]:
    """Each pair of closest neighbours once, [P, 2] the lower first, and its shorter distance."""
    closest = neighbours.indices[:, : limits.PARTNERS]
    pairs = np.stack([np.repeat(np.arange(len(closest)), limits.PARTNERS), closest.ravel()], axis=1)
    distances = neighbours.distances[:, : limits.PARTNERS].ravel()
    present = pairs[:, 1] >= 0
    pairs, distances = np.sort(pairs[present], axis=1), distances[present]
    order = np.lexsort((distances, pairs[:, 1], pairs[:, 0]))
    pairs, distances = pairs[order], distances[order]
    fresh = np.ones(len(pairs), dtype=np.bool_)
    fresh[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return pairs[fresh], distances[fresh]


def _scale_of_pairs(measured: Floats, pairs: NDArray[np.int64], *, minimum: float) -> Floats:
    """[P] the usual distance around the pair: the larger of that around its two images.

    Args:
        measured: [n, k] distances from each image to its neighbours; inf where there are fewer,
            NaN in the rows that are not needed.
        pairs: [P, 2].
        minimum: no scale is smaller.
    """
    # Among all neighbours of an image the partner is the closest, so the others start one later.
    place = 1 + int(np.clip(len(measured) // limits.IMAGES_FOR_A_PLACE, 1, limits.SCALE_PLACE))
    around = np.sort(measured, axis=1)[:, place]
    known = around[np.isfinite(around)]
    usual = np.float32(np.median(known) if len(known) else limits.USUAL_SCALE)
    around = np.where(np.isfinite(around), around, usual)
    around = np.maximum(around, max(limits.MIN_SCALE * usual, np.float32(minimum)))
    return np.asarray(around[pairs].max(axis=1), dtype=np.float32)


def _unexplained_around(
    thumbnails: NDArray[np.uint8], neighbours: Neighbours, pairs: NDArray[np.int64]
) -> Floats:
    """[n, k] what the neighbours of the images in `pairs` leave unexplained; NaN for others."""
    count, k = neighbours.indices.shape
    images = np.unique(pairs)
    around = np.stack([np.repeat(images, k), neighbours.indices[images].ravel()], axis=1)
    measured = np.full((count, k), np.nan, dtype=np.float32)
    present = around[:, 1] >= 0
    left = np.full(len(around), np.inf, dtype=np.float32)
    left[present] = unexplained(thumbnails, around[present])[0]
    measured[images] = left.reshape(-1, k)
    return measured


def _same_colours(
    colours: NDArray[np.int16], pairs: NDArray[np.int64], gains: Floats
) -> NDArray[np.bool_]:
    """[P] whether the colours of both are the same up to the gain found in grey."""
    first = colours[pairs[:, 0]].reshape(len(pairs), -1) * gains[:, None]
    second = colours[pairs[:, 1]].reshape(len(pairs), -1).astype(np.float32)
    left = np.square(second - first).mean(axis=1)
    whole = np.maximum(np.square(second).mean(axis=1), np.square(first).mean(axis=1))
    return np.asarray(
        left <= limits.MAX_COLOUR_FRACTION * whole + limits.COLOUR_NOISE**2, dtype=np.bool_
    )
