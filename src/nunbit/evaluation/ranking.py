"""Ranking of a class's images above all others by its probability: AUC and average precision.

N images, n of one class and m of the others, K classes, G runs of equal scores. Influence: how a
number responds to the weight of one image, [N]; the sum of its squares is the number's variance,
and influences of several numbers on the same images add up. Classes are taken one against the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.intervals import wilson_for_variance

MIN_IMAGES = 10
"""Images of a class, and of all others, for an interval of its ROC AUC."""
MIN_MISPLACED = 3
"""n (1 - AUC), or m (1 - AUC) if that is less: below, DeLong's variance is too small. In
simulations the interval holds in 93 to 97 of 100 samples above it, and in 75 to 91 below."""
MIN_IMAGES_OF_PRECISION = 50
"""Images of a class for an interval of its average precision, which is too high on average for
few: in simulations it holds in 93 to 97 of 100 samples with so many, in 91 with 20."""


class Ranking(NamedTuple):
    """A number of a ranking, and how each image contributes to its variance."""

    value: float
    influence: NDArray[np.float64]
    """[N]"""

    @property
    def ci95(self) -> tuple[float, float]:
        """The 95 % interval: Wilson's for as many images as an accuracy of this variance has."""
        return wilson_for_variance(self.value, float(self.influence @ self.influence))


class Ranked(NamedTuple):
    """A number of a ranking; the interval is None where there are too few images for one."""

    value: float
    ci95: tuple[float, float] | None


@dataclass(frozen=True)
class OneVsRest:
    """Both numbers of each class, and their means over the classes that have them."""

    roc_auc: tuple[Ranked | None, ...]
    average_precision: tuple[Ranked | None, ...]
    """[K] each; None for a class without images, and where there are no others."""
    macro_roc_auc: Ranked | None
    macro_average_precision: Ranked | None
    roc_auc_influence: NDArray[np.float64]
    average_precision_influence: NDArray[np.float64]
    """[N] of the means."""


class Order(NamedTuple):
    """Images from the highest score to the lowest."""

    rows: NDArray[np.int64]
    """[N]"""
    ends: NDArray[np.int64]
    """[G] images up to the end of each run of equal scores."""
    run: NDArray[np.int64]
    """[N] run of each image, in this order."""


def order_by(scores: NDArray[np.float64]) -> Order:
    """Sort by scores, [N], with N > 0."""
    rows = np.argsort(-scores, kind="stable")
    changes = np.flatnonzero(np.diff(scores[rows])) + 1
    run = np.zeros(len(scores), dtype=np.int64)
    run[changes] = 1
    return Order(rows, np.append(changes, len(rows)), run.cumsum())


def roc_auc(order: Order, positive: NDArray[np.bool_]) -> Ranking:
    """Chance that an image of the class scores above one of the others; a tie counts half.

    There is at least one image of each kind. The influence is that of DeLong et al. 1988,
    "Comparing the areas under two or more correlated receiver operating characteristic curves".
    """
    n, m = int(positive.sum()), int((~positive).sum())
    mine = positive[order.rows]
    above = np.concatenate([[0], mine.cumsum()[order.ends - 1]])
    others_above = np.concatenate([[0], order.ends]) - above
    above_run = (above[:-1] + above[1:]) / 2
    others_above_run = (others_above[:-1] + others_above[1:]) / 2
    placed = np.where(mine, 1 - others_above_run[order.run] / m, above_run[order.run] / n)
    value = float(placed[mine].mean())
    influence = np.empty(len(mine))
    influence[order.rows] = (placed - value) / np.where(mine, _divisor(n), _divisor(m))
    return Ranking(value, influence)


def average_precision(order: Order, positive: NDArray[np.bool_]) -> Ranking:
    """Mean, over the images of the class, of the precision at each one's score.

    There is at least one image of each kind. The influence is the first derivative by the images'
    weights at these n and m, from precision = n S / (n S + m T) with the fractions S of the class
    and T of the others that score at least as high.
    """
    n, m = int(positive.sum()), int((~positive).sum())
    mine = positive[order.rows]
    ours = mine.cumsum()[order.ends - 1].astype(np.float64)
    others = order.ends - ours
    precision = ours / order.ends
    each = np.diff(np.concatenate([[0.0], ours]))
    value = float(each @ precision) / n
    # An image that scores at least as high as a threshold moves the precision there.
    by_ours, by_others = each * others / order.ends**2, -m / n * each * ours / order.ends**2
    raised = precision - value + _from_here_on(by_ours) - float(by_ours @ ours) / n
    lowered = _from_here_on(by_others) - float(by_others @ others) / m
    influence = np.empty(len(mine))
    influence[order.rows] = np.where(
        mine, raised[order.run] / _divisor(n), lowered[order.run] / _divisor(m)
    )
    return Ranking(value, influence)


def one_vs_rest(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> OneVsRest:
    """Both numbers of every class, from probabilities [N, K] and true classes [N].

    A class without images has none, and neither has one without others; the means leave it out.
    """
    n, k = probabilities.shape
    areas: list[Ranked | None] = [None] * k
    precisions: list[Ranked | None] = [None] * k
    # One class at a time: the influences of all would be twice N x K numbers.
    area_sum, precision_sum = np.zeros(n), np.zeros(n)
    misplaced, smallest = 0.0, n
    for number in range(k):
        positive = labels == number
        images = int(positive.sum())
        if not 0 < images < n:
            continue
        order = order_by(probabilities[:, number])
        area, precision = roc_auc(order, positive), average_precision(order, positive)
        fewer = min(images, n - images)
        certain = fewer >= MIN_IMAGES and fewer * (1 - area.value) >= MIN_MISPLACED
        areas[number] = Ranked(area.value, area.ci95 if certain else None)
        enough = images >= MIN_IMAGES_OF_PRECISION
        precisions[number] = Ranked(precision.value, precision.ci95 if enough else None)
        area_sum += area.influence
        precision_sum += precision.influence
        misplaced += fewer * (1 - area.value)
        smallest = min(smallest, fewer)
    classes = max(sum(area is not None for area in areas), 1)
    return OneVsRest(
        tuple(areas),
        tuple(precisions),
        _macro(areas, area_sum, certain=smallest >= MIN_IMAGES and misplaced >= 2 * MIN_MISPLACED),
        _macro(precisions, precision_sum, certain=smallest >= MIN_IMAGES_OF_PRECISION),
        area_sum / classes,
        precision_sum / classes,
    )


def _macro(
    found: list[Ranked | None], influence: NDArray[np.float64], *, certain: bool
) -> Ranked | None:
    """Mean over the classes that have the number; None where no class has."""
    values = [ranked.value for ranked in found if ranked is not None]
    if not values:
        return None
    mean = Ranking(sum(values) / len(values), influence / len(values))
    return Ranked(mean.value, mean.ci95 if certain else None)


def _from_here_on(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of each value and all after it."""
    return np.asarray(values[::-1].cumsum()[::-1])


def _divisor(n: int) -> float:
    """Divisor by which the sum of squares is the unbiased variance of a mean of n numbers."""
    return math.sqrt(n * max(n - 1, 1))
