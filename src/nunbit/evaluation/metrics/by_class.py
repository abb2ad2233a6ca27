"""The measures of one class: its counts, and the ratios of them with their intervals."""

from __future__ import annotations

from dataclasses import dataclass

from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.metrics.evidence import Evidence
from nunbit.evaluation.metrics.measured import Measured
from nunbit.evaluation.ranking import Ranked
from nunbit.types import ClassNames


@dataclass(frozen=True, kw_only=True)
class ClassMetrics:
    """Metrics of one class. A ratio whose denominator is zero is 0, as in scikit-learn.

    Intervals are Wilson's, at 95 %; (0, 1) where the denominator is zero.
    """

    n: int
    """Images of this class."""
    predicted: int
    """Images that were given this class."""
    correct: int
    others: int | None = None
    """Images of the other class where there are two; None with more."""
    ranked_roc_auc: Ranked | None = None
    ranked_precision: Ranked | None = None
    """None where there are no images of this class, or no others."""

    @property
    def precision(self) -> float:
        """Fraction of the answers with this class that were right."""
        return _ratio(self.correct, self.predicted)

    @property
    def precision_ci95(self) -> tuple[float, float]:
        """Interval of the precision."""
        return _interval(self.correct, self.predicted)

    @property
    def recall(self) -> float:
        """Fraction of this class's images that were found."""
        return _ratio(self.correct, self.n)

    @property
    def recall_ci95(self) -> tuple[float, float]:
        """Interval of the recall."""
        return _interval(self.correct, self.n)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.correct, self.n + self.predicted)

    @property
    def f1_ci95(self) -> tuple[float, float]:
        """Interval of the F1.

        Of the images that are of the class or were given it, the fraction j that are both is a
        proportion, Jaccard's index, and has Wilson's interval. F1 is 2j / (1 + j), which rises
        with j, so that its interval has the same bounds, transformed.
        """
        low, high = _interval(self.correct, self.n + self.predicted - self.correct)
        return 2 * low / (1 + low), 2 * high / (1 + high)

    @property
    def specificity(self) -> float | None:
        """Fraction of the other class's images, where there are two, not given this one."""
        return 1 - _ratio(self.predicted - self.correct, self.others) if self.others else None

    @property
    def specificity_ci95(self) -> tuple[float, float]:
        """Interval of the specificity."""
        others = self.others or 0
        return _interval(others - self.predicted + self.correct, others)


def class_metrics(classes: ClassNames, found: Evidence) -> dict[str, ClassMetrics]:
    """Metrics of each class, in class order, classes without images included."""
    confusion, rankings = found.confusion, found.rankings
    sizes, answers = confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        name: ClassMetrics(
            correct=int(confusion[k, k]),
            n=int(sizes[k]),
            predicted=int(answers[k]),
            others=found.n - int(sizes[k]) if len(classes) == 2 else None,
            ranked_roc_auc=rankings.roc_auc[k],
            ranked_precision=rankings.average_precision[k],
        )
        for k, name in enumerate(classes)
    }


def specificity(counts: ClassMetrics) -> Measured | None:
    """The specificity with its interval; None where there are not two classes."""
    value = counts.specificity
    return None if value is None else Measured(value, counts.specificity_ci95)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _interval(part: int, whole: int) -> tuple[float, float]:
    return wilson_interval(part, whole) if whole else (0.0, 1.0)
