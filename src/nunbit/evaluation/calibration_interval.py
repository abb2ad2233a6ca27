"""The 95 % interval of the expected calibration error, which is never negative and biased upward.

B bins, R draws, T candidates for the truth. With few images the plain estimate lies above zero
even for a network whose confidence is perfectly right, since every bin's gap counts as positive.
A bootstrap repeats that bias instead of removing it. So the interval is made by inverting tests
(Carpenter 1999, "Test inversion bootstrap confidence intervals"): it holds each error under which
the estimate would be no surprise. Near zero the tests are those of Feldman and Cousins (1998),
"Unified approach to the classical statistical analysis of small signals", which keep to 95 % there.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.seeds import Purpose, rng_for

Numbers: TypeAlias = NDArray[np.float64]

DRAWS = 512
BELOW = np.linspace(0, 1, 9)
ABOVE = np.array([1.15, 1.3, 1.5, 1.75, 2, 2.5, 3, 4])
"""Truths to test, in multiples of the estimate or of its noise; limits are interpolated."""
EVENED = 0.5
"""Share of the noise that is added to the gaps (as variances are) for the upper limit. An error
that all bins share raises the estimate least, and so is the easiest to overlook: with the gaps as
they were seen, 5 to 6 % of simulated upper limits were too low instead of 2.5 %."""
DISTANCE_FROM_ZERO = (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 1.96)
UPPER_TAIL = (0.05, 0.05, 0.0487, 0.0414, 0.0344, 0.0297, 0.0268, 0.0254, 0.025)
"""Feldman and Cousins: how much of the 5 % lies above, by the truth in standard deviations."""


def calibration_error_interval(
    counts: Numbers, confidence: Numbers, accuracy: Numbers
) -> tuple[float, float]:
    """The 95 % interval of the error that infinitely many images would show in the same bins.

    Args:
        counts: images in each bin, [B]; at least one in all.
        confidence: mean confidence of each bin's images, [B]; anything where there are none.
        accuracy: share of each bin's images that were right, [B].
    """
    filled = counts > 0
    n, right = counts[filled], accuracy[filled]
    gaps = confidence[filled] - right
    likely = (n * right + 1) / (n + 2)  # not 0 or 1, where a bin would seem to have no noise
    noise = likely * (1 - likely) / n
    share = n / n.sum()
    estimate = float(share @ np.abs(gaps))
    scale = max(estimate, float(share @ np.sqrt(noise)))
    bins = _Bins(counts=n, confidence=confidence[filled])
    half_an_image = 0.5 / n.sum()  # estimates come in steps of about one image
    low = 0.0
    if estimate > 0:
        truths, surprises = bins.quantiles(gaps, scale * BELOW, upper=True)
        low = _crossing(estimate - half_an_image, truths, surprises)
    # Where the noise hides the direction, answers too sure of themselves are the ones to fear,
    # unless the confidence is so low that it can hardly be too high.
    sizes, clear = np.sqrt(gaps**2 + EVENED * noise), 2 * np.sqrt(noise)
    low_confidence = (confidence[filled] < sizes) & (gaps < clear)
    evened = np.where((gaps < -clear) | low_confidence, -1, 1) * sizes
    truths, surprises = bins.quantiles(evened, scale * np.append(BELOW, ABOVE), upper=False)
    high = _crossing(estimate + half_an_image, truths, surprises)
    return low, high


class _Bins:
    """Estimates under other true values."""

    def __init__(self, *, counts: Numbers, confidence: Numbers) -> None:
        self.counts, self.confidence = counts, confidence
        self.share = counts / counts.sum()

    def quantiles(self, gaps: Numbers, errors: Numbers, *, upper: bool) -> tuple[Numbers, Numbers]:
        """The truths tested, [T], and the highest or lowest unsurprising estimate under each, [T].

        `gaps` [B] say how an error is divided among the bins, `errors` [T] are ascending from 0.
        """
        scaled = errors[:, None] * (gaps / (self.share @ np.abs(gaps)))
        right = np.clip(self.confidence - scaled, 0, 1)
        gaps = self.confidence - right
        estimates = self._estimates(gaps, right)
        means, spreads = estimates.mean(axis=1), estimates.std(axis=1)
        distance = (means - means[0]) / np.maximum(spreads, 1e-12)
        tail = np.interp(distance, DISTANCE_FROM_ZERO, UPPER_TAIL)
        estimates.sort(axis=1)
        at = (1 - tail if upper else 0.05 - tail) * (DRAWS - 1)
        limits = np.array(
            [np.interp(x, np.arange(DRAWS), row) for x, row in zip(at, estimates, strict=True)]
        )
        if not upper:
            limits = np.where(tail >= 0.05, 0, limits)
        truths = np.abs(gaps) @ self.share
        return np.maximum.accumulate(truths), np.maximum.accumulate(limits)

    def _estimates(self, gaps: Numbers, right: Numbers) -> Numbers:
        """Draws of the estimate, [T, R], where the bins have these gaps and accuracies, [T, B].

        A bin's sum of gaps is normal with the binomial distribution's skewness (Cornish and
        Fisher); its variance is that of the answers and of how many images fall into the bin.
        """
        binomial = self.counts * right * (1 - right)
        variance = binomial + self.counts * gaps**2 * (1 - self.share)
        skewness = -binomial * (1 - 2 * right) / np.maximum(variance, 1e-12) ** 1.5
        bend = np.clip(skewness, -1, 1)[:, None] / 6
        normal = _normal_draws(len(self.counts))
        sums = np.sqrt(variance)[:, None] * (normal + bend * (normal**2 - 1))
        sums += (self.counts * gaps)[:, None]
        estimates: Numbers = np.abs(sums).sum(axis=2) / self.counts.sum()
        return estimates


def _crossing(estimate: float, truths: Numbers, limits: Numbers) -> float:
    """The truth whose limit is the estimate; the last one where all limits are below."""
    return float(np.interp(estimate, limits, truths))


@cache
def _normal_draws(bins: int) -> Numbers:
    """Standard normal numbers, [R, B]: each column has the normal quantiles in its own order.

    A Latin hypercube: the limits waver less than with independent draws, and never from one call
    to the next.
    """
    generator = rng_for(0, Purpose.BOOTSTRAP)
    normal = NormalDist()
    quantiles = np.array([normal.inv_cdf((draw + 0.5) / DRAWS) for draw in range(DRAWS)])
    return np.stack([generator.permutation(quantiles) for _ in range(bins)], axis=1)
