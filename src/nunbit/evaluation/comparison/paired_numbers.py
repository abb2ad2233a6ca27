"""Differences of the numbers that allow for chance or for the size of a class, image by image.

N images, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation import agreement
from nunbit.evaluation.intervals import Z
from nunbit.evaluation.metrics import LabelledPredictions, confusion_counts
from nunbit.evaluation.ranking import one_vs_rest


@dataclass(frozen=True, kw_only=True)
class PairedNumber:
    """A number of the second model less that of the first."""

    value: float
    ci95: tuple[float, float] | None
    """None where a class has too few images, or too few are misplaced, for an interval."""


class _Measure(NamedTuple):
    value: Callable[[NDArray[np.int64]], float | None]
    influence: Callable[[NDArray[np.int64]], NDArray[np.float64]]


_OF_COUNTS = {
    "balanced_accuracy": _Measure(
        agreement.balanced_accuracy, agreement.balanced_accuracy_influence
    ),
    "matthews_correlation": _Measure(
        agreement.matthews_correlation, agreement.matthews_correlation_influence
    ),
    "cohens_kappa": _Measure(agreement.cohens_kappa, agreement.cohens_kappa_influence),
}
"""Measures by the name of the metric."""


def paired_numbers(
    first: LabelledPredictions, second: LabelledPredictions
) -> dict[str, PairedNumber]:
    """Differences by the name of the metric; those that one of both does not have are left out.

    Both have the same labels, [N]. Each number responds to each image in a known way, its
    influence; the differences of both influences, image by image, give the variance of the
    difference (for ROC AUC this is DeLong et al. 1988). The interval is the normal one.
    """
    return dict(_of_counts(first, second)) | dict(_of_rankings(first, second))


def _of_counts(
    first: LabelledPredictions, second: LabelledPredictions
) -> Iterator[tuple[str, PairedNumber]]:
    labels, classes = first.labels, first.probabilities.shape[1]
    classes = max(classes, *(1 + int(k.max()) for k in (labels, first.predicted, second.predicted)))
    one, two = (confusion_counts(labels, said.predicted, classes) for said in (first, second))
    enough = agreement.enough_for_interval(one)
    for name, measure in _OF_COUNTS.items():
        before, after = measure.value(one), measure.value(two)
        if before is None or after is None:
            continue
        difference, ci95 = after - before, None
        if enough:
            by_first, by_second = measure.influence(one), measure.influence(two)
            response = by_second[labels, second.predicted] - by_first[labels, first.predicted]
            more = _one_more(by_first) / 2 + _one_more(by_second) / 2
            variance = _variance(response, labels) + 2 * float(
                ((more[labels] / len(labels)) ** 2).mean()
            )
            ci95 = _normal(difference, variance)
        yield name, PairedNumber(value=difference, ci95=ci95)


def _variance(response: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Variance of the mean response where the number of images of each class is given."""
    variance = 0.0
    for label in np.unique(labels):
        own = response[labels == label]
        variance += len(own) * float(own.var(ddof=1)) if len(own) > 1 else 0.0
    return variance / len(labels) ** 2


def _one_more(influence: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K] response to an image of each class that becomes right.

    The variance is given that of two such images, one for each model, as few images on which both
    differ, or none, would make the interval too narrow (as in `accuracy_difference`).
    """
    right, k = np.diag(influence), len(influence)
    wrong = (influence.sum(axis=1) - right) / max(k - 1, 1)
    return np.asarray(right - wrong)


def _of_rankings(
    first: LabelledPredictions, second: LabelledPredictions
) -> Iterator[tuple[str, PairedNumber]]:
    one, two = (one_vs_rest(said.probabilities, said.labels) for said in (first, second))
    for name, before, after, response in (
        (
            "roc_auc",
            one.macro_roc_auc,
            two.macro_roc_auc,
            two.roc_auc_influence - one.roc_auc_influence,
        ),
        (
            "average_precision",
            one.macro_average_precision,
            two.macro_average_precision,
            two.average_precision_influence - one.average_precision_influence,
        ),
    ):
        if before is None or after is None:
            continue
        difference, ci95 = after.value - before.value, None
        if before.ci95 is not None and after.ci95 is not None:
            ci95 = _normal(difference, float(response @ response))
        yield name, PairedNumber(value=difference, ci95=ci95)


def _normal(difference: float, variance: float) -> tuple[float, float]:
    half = Z * float(np.sqrt(variance))
    return difference - half, difference + half
