"""Curves of a class over every threshold of its probability: ROC, precision-recall, their bands.

N images, P of the class, M thresholds, from the highest to the lowest. One class against the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.intervals import Z
from nunbit.evaluation.ranking import order_by

Z_OF_BOTH = NormalDist().inv_cdf((1 + 0.95**0.5) / 2)
"""Half width, in standard errors, with which two independent intervals both hold in 95 %."""


@dataclass(frozen=True, kw_only=True)
class ThresholdCurve:
    """Counts of a class's images and of the others that each threshold lets in."""

    found: NDArray[np.int64]
    """[M] images of the class whose probability is at least the threshold."""
    wrong: NDArray[np.int64]
    """[M] other images, likewise."""

    @property
    def positives(self) -> int:
        """Images of the class, P."""
        return int(self.found[-1])

    @property
    def negatives(self) -> int:
        """The others."""
        return int(self.wrong[-1])

    @property
    def sensitivity(self) -> NDArray[np.float64]:
        """[M] fraction of the class that is found; also called recall."""
        return np.divide(self.found, self.positives)

    @property
    def false_alarms(self) -> NDArray[np.float64]:
        """[M] fraction of the others that is let in: 1 - specificity."""
        return np.divide(self.wrong, self.negatives)

    @property
    def precision(self) -> NDArray[np.float64]:
        """[M] fraction of the class among what is let in; no threshold lets nothing in."""
        precision: NDArray[np.float64] = self.found / (self.found + self.wrong)
        return precision

    @property
    def roc_band(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Upper and lower edge, [M, 2] points (false alarms, sensitivity).

        At each threshold the two lie opposite in a box that holds the true pair of rates with
        95 %, made of Wilson's intervals at `Z_OF_BOTH`.
        """
        low, high = _wilson(self.found, self.positives, Z_OF_BOTH)
        least, most = _wilson(self.wrong, self.negatives, Z_OF_BOTH)
        return np.stack([least, high], axis=1), np.stack([most, low], axis=1)

    @property
    def precision_band(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[M] each: Wilson's 95 % interval of the precision at each threshold."""
        return _wilson(self.found, self.found + self.wrong, Z)

    def thinned(self, points: int) -> ThresholdCurve:
        """The curve at no more thresholds than this, the first and the last among them."""
        shown = np.unique(np.linspace(0, len(self.found) - 1, points).astype(int))
        return ThresholdCurve(found=self.found[shown], wrong=self.wrong[shown])


def threshold_curve(
    scores: NDArray[np.float64], positive: NDArray[np.bool_]
) -> ThresholdCurve | None:
    """The curve of scores [N] for images [N] of a class or not; None without images of both."""
    if not positive.any() or positive.all():
        return None
    order = order_by(scores)
    found = positive[order.rows].cumsum()[order.ends - 1]
    return ThresholdCurve(found=found.astype(np.int64), wrong=(order.ends - found).astype(np.int64))


def _wilson(
    some: NDArray[np.int64], n: int | NDArray[np.int64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's intervals of the fractions some / n, [M] each."""
    share = np.divide(some, n)
    middle, shrunk = share + z**2 / (2 * n), 1 + z**2 / n
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * np.square(n)))
    low, high = (middle - half) / shrunk, (middle + half) / shrunk
    return np.where(some == 0, 0.0, low), np.where(some == n, 1.0, high)
