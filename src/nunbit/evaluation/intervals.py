"""Intervals: 95 % confidence limits of numbers measured on a sample of images.

R resamples, M cells. A cell is a set of images that a statistic does not tell apart: those that
were right and those that were wrong, for an accuracy; every image by itself, for a mean loss. To
draw as many images again, with repetition, is to draw how many fall into each cell: the fewer
cells, the less work.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nunbit.evaluation.f1 import f1_sizes, macro_f1, macro_f1_influence
from nunbit.seeds import Purpose, rng_for

Statistic: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Function from how many images fall into each cell, [R, M], whole numbers, to the R values,
[R]."""

Z = 1.959963984540054
"""The normal distribution has 2.5 % above it."""
RESAMPLES = 2000
CHUNK_NUMBERS = 1_000_000
"""Limit of R x M: 8 MB, however many images there are."""


def wilson_interval(correct: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a fraction; n must be positive (else ValueError)."""
    if n <= 0 or not 0 <= correct <= n:
        raise ValueError(f"n must be positive, and correct in 0..n: {correct} of {n}")
    low, high = _wilson(correct / n, n)
    # Exactly, where rounding would miss the end of the scale.
    return 0.0 if correct == 0 else low, 1.0 if correct == n else high


def macro_f1_interval(confusion: NDArray[np.int64]) -> tuple[float, float]:
    """The 95 % interval of macro F1, from the [K, K] counts it was computed from.

    Its variance follows from the counts by the delta method (Takahashi et al. 2022, "Confidence
    interval for micro-averaged F1 and macro-averaged F1 scores"). Wald's interval with it is too
    narrow near 1, so the variance only says how many images an accuracy with the same variance
    would have; the interval is Wilson's for so many (Korn and Graubard 1998 do this for surveys).
    F1 of a class with few images is too low on average, which is corrected for; with fewer than
    about five images in many classes, the interval is still too narrow.

    Raises ValueError if there is no image.
    """
    centre = macro_f1(confusion)
    sizes = f1_sizes(confusion)
    occurs = sizes > 0
    classes = int(occurs.sum())
    f1 = 2 * np.diag(confusion)[occurs] / sizes[occurs]
    bias = -float((f1 * (1 - f1) / sizes[occurs]).sum()) / classes
    centre = min(centre - bias, 1.0)
    variance = float((confusion * macro_f1_influence(confusion) ** 2).sum())
    if variance > 0 and 0 < centre < 1:
        images = centre * (1 - centre) / variance
    else:  # nothing varies: as many as a mean of the classes' shares would have
        images = classes**2 / (2 / sizes[occurs]).sum()
    return _wilson(centre, float(images))


def wilson_for_variance(
    value: float, variance: float, *, at: float | None = None, otherwise: float = 1.0
) -> tuple[float, float]:
    """Wilson's 95 % interval for as many images as an accuracy with this variance would have.

    Wald's interval with the variance would be too narrow near 0 and 1, and leave the scale
    (Korn and Graubard 1998 do this for surveys).

    Args:
        value: the number, 0 to 1.
        variance: its variance.
        at: the number at which the variance was taken; the value itself if None.
        otherwise: images where nothing varies.
    """
    place = value if at is None else at
    spread = place * (1 - place)
    varies = variance > 1e-15 and spread > 0
    return _wilson(value, spread / variance if varies else otherwise)


def _wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's interval for a number of images that need not be whole."""
    middle, shrunk = share + Z**2 / (2 * n), 1 + Z**2 / n
    half = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return max((middle - half) / shrunk, 0.0), min((middle + half) / shrunk, 1.0)


def bootstrap(
    statistic: Statistic, counts: ArrayLike, *, seed: int, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The percentile bootstrap's 95 % interval of a statistic (Efron and Tibshirani 1993, ch. 13).

    Right for smooth statistics whose bias is small beside their spread: means, paired
    differences. One that is never negative, such as a calibration error, needs another.

    Args:
        statistic: the values of R resamples, all at once.
        counts: images in each cell, [M]; `np.ones(n)` where every image is a cell. For paired
            comparisons a cell holds what both models said.
        seed: the same seed, the same interval.
        resamples: how often the images are drawn again.

    Raises ValueError as `resampled` does.
    """
    values = resampled(statistic, counts, seed=seed, resamples=resamples)
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def resampled(
    statistic: Statistic, counts: ArrayLike, *, seed: int, resamples: int = RESAMPLES
) -> NDArray[np.float64]:
    """The statistic in each resample, [R]; arguments as those of `bootstrap`.

    Raises ValueError where there is no image, a count is negative or not a whole number, or the
    statistic does not give one finite value for each resample.
    """
    cells = np.asarray(counts, dtype=np.float64)
    if cells.ndim != 1 or (cells < 0).any() or (cells % 1 != 0).any():
        raise ValueError("counts are whole numbers of images, one for each cell")
    if not cells.sum():
        raise ValueError("there is no image to draw from")
    parts = []
    for drawn in _draws(cells.astype(np.int64), rng_for(seed, Purpose.BOOTSTRAP), resamples):
        values = np.asarray(statistic(drawn), dtype=np.float64)
        if values.shape != (len(drawn),) or not np.isfinite(values).all():
            raise ValueError("a statistic gives one finite value for each resample")
        parts.append(values)
    return np.concatenate(parts)


def _draws(
    counts: NDArray[np.int64], generator: np.random.Generator, resamples: int
) -> Iterator[NDArray[np.float64]]:
    """Resample the number of images in each cell, [R, M] at a time."""
    n, m = int(counts.sum()), len(counts)
    at_once = max(CHUNK_NUMBERS // max(n, m), 1)
    cell_of_image = np.repeat(np.arange(m), counts)
    for start in range(0, resamples, at_once):
        r = min(at_once, resamples - start)
        if 8 * m < n:  # a multinomial costs by the cell, drawing images by the image
            yield generator.multinomial(n, counts / n, size=r).astype(np.float64)
            continue
        cells = cell_of_image[generator.integers(n, size=(r, n))]
        cells += m * np.arange(r)[:, None]
        drawn = np.bincount(cells.ravel(), minlength=r * m).reshape(r, m)
        yield drawn.astype(np.float64)
