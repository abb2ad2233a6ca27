"""Alignment: the part of an image that another, laid over it best, leaves unexplained.

The model of a copy: shifted and enlarged a little in each direction, brighter or darker with more
or less contrast, blurred or sharpened a little, and cut off at black and white. The shift and the
enlargement are found by Gauss-Newton steps (Lucas and Kanade 1981), everything else by linear least
squares. What is left is compared with the variance of the image.

P pairs, h and w height and width of a thumbnail.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nunbit.chunks import chunk_slices

Floats = NDArray[np.float32]

STEPS = 4
_START = 0.97
"""Fraction of each side that the first view keeps, between a whole copy and a cropped one."""
_FARTHEST = 0.08
"""Largest shift, fraction of the side."""
_SMALLEST, _LARGEST = 0.86, 1.1
"""Limits of the fraction that a view keeps."""
_GAIN = (0.5, 2.0)
"""Contrast of a copy over that of the image; more is another picture."""
_CHUNK_SIZE = 128
"""Pairs at once, few enough for the processor's cache."""
_NOISE = 1.0
"""Squared grey levels by which copies differ through rounding and compression alone."""
_WHITE = 255.0


def unexplained(thumbnails: NDArray[np.uint8], pairs: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Fraction of variance that the better of both directions leaves over, and its gain.

    Args:
        thumbnails: uint8 [n, h, w].
        pairs: int64 [P, 2].

    Returns:
        float32 [P] from 0, the same picture, and inf where no gain in bounds explains anything;
        and float32 [P], the contrast of the second over that of the first.
    """
    fractions = np.empty(len(pairs), dtype=np.float32)
    gains = np.empty(len(pairs), dtype=np.float32)
    for some in chunk_slices(len(pairs), _CHUNK_SIZE):
        first = thumbnails[pairs[some, 0]].astype(np.float32)
        second = thumbnails[pairs[some, 1]].astype(np.float32)
        forward, gain = _laid_over(first, second)
        backward, inverse = _laid_over(second, first)
        fractions[some] = np.minimum(forward, backward)
        gains[some] = np.where(forward <= backward, gain, 1 / inverse)
    return fractions, gains


def _laid_over(image: Floats, copy: Floats) -> tuple[Floats, Floats]:
    """Fraction of the variance of `copy` that `image` does not explain, and the gain: [P] each."""
    count, height, width = image.shape
    wanted = copy.reshape(count, -1, 1)
    # White is where brightening was cut off: it says only "at least so bright".
    weights = np.where(wanted < _WHITE, np.float32(1), np.float32(0))
    offsets = np.zeros((count, 2), dtype=np.float32)
    fractions = np.full((count, 2), _START, dtype=np.float32)
    best = np.full(count, np.inf, dtype=np.float32)
    gains = np.ones(count, dtype=np.float32)
    for step in range(STEPS + 1):
        down = _sampling(offsets[:, 0] * height, fractions[:, 0], height)
        across = _sampling(offsets[:, 1] * width, fractions[:, 1], width)
        seen = np.asarray(down @ image @ across.transpose(0, 2, 1), dtype=np.float32)
        tones: Floats = np.stack([np.ones_like(seen), seen, *_curvatures(seen)], axis=3)
        tones = tones.reshape(count, -1, 4)
        solved = _least_squares(tones, wanted, weights)
        left = np.clip(tones @ solved, 0, _WHITE) - wanted
        error = np.einsum("pij,pij->p", left, left) / (height * width) - _NOISE
        gain = solved[:, 1, 0]
        better = (error < best) & (gain > _GAIN[0]) & (gain < _GAIN[1])
        best = np.where(better, error, best)
        gains = np.where(better, gain, gains)
        if step < STEPS:
            moves = _moves(seen, tones, wanted, weights)
            offsets = np.clip(offsets + moves[:, :2], -_FARTHEST, _FARTHEST)
            fractions = np.clip(fractions + moves[:, 2:], _SMALLEST, _LARGEST)
    variance = copy.reshape(count, -1).var(axis=1)
    return np.maximum(best, 0) / np.maximum(variance, 1.0), gains


def _moves(seen: Floats, tones: Floats, wanted: Floats, weights: Floats) -> Floats:
    """One Gauss-Newton step: changes of both offsets and of both fractions, float32 [P, 4]."""
    count, height, width = seen.shape
    slope_y, slope_x = np.gradient(seen, axis=(1, 2))
    along_y, along_x = _centred(height)[:, None], _centred(width)
    slopes = np.stack([slope_y, slope_x, slope_y * along_y, slope_x * along_x], axis=3)
    basis = np.concatenate([tones, slopes.reshape(count, -1, 4)], axis=2)
    solved = _least_squares(basis, wanted, weights)[..., 0]
    gain = np.maximum(solved[:, 1:2], 0.2)
    moves = solved[:, 4:] / gain
    sides = np.array([height, width, 1, 1], dtype=np.float32)
    return np.asarray(np.clip(moves / sides, -0.06, 0.06), dtype=np.float32)


def _least_squares(basis: Floats, wanted: Floats, weights: Floats) -> Floats:
    """float32 [P, m, q], [P, m, 1] and weights [P, m, 1] to coefficients [P, q, 1]."""
    weighted = (basis * weights).transpose(0, 2, 1)
    normal = weighted @ basis
    # A little ridge: flat or striped pictures leave some directions undetermined.
    diagonal = np.einsum("pqq->pq", normal)
    diagonal += 1e-3 * diagonal + 1e-2
    return np.asarray(np.linalg.solve(normal, weighted @ wanted), dtype=np.float32)


def _sampling(offsets: Floats, fractions: Floats, length: int) -> Floats:
    """Linear interpolation around the middle, [P, length, length], by [P] pixels and fractions."""
    middle = np.float32((length - 1) / 2)
    where = middle + offsets[:, None] + fractions[:, None] * _centred(length)
    where = np.clip(where, 0, length - 1)
    weights = 1 - np.abs(where[:, :, None] - np.arange(length, dtype=np.float32))
    return np.asarray(np.maximum(weights, 0), dtype=np.float32)


def _centred(length: int) -> Floats:
    return (np.arange(length) - (length - 1) / 2).astype(np.float32)


def _curvatures(images: Floats) -> tuple[Floats, Floats]:
    """Curvature of [P, h, w]: what a slight blur down and across adds, up to its strength."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = padded[:, 2:, 1:-1] + padded[:, :-2, 1:-1] - 2 * images
    across = padded[:, 1:-1, 2:] + padded[:, 1:-1, :-2] - 2 * images
    return down, across
