"""The one table of metrics.

A new number is one entry of `METRICS` (of all images) or of `CLASS_METRICS` (of each class):
summary.json, the report, the model card and the comparison of runs show what stands there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Literal, TypeAlias

from nunbit.evaluation.metrics import by_class, overall
from nunbit.evaluation.metrics.by_class import ClassMetrics
from nunbit.evaluation.metrics.evidence import Evidence
from nunbit.evaluation.metrics.measured import (
    AS_DECIMAL,
    AS_PERCENT,
    AS_SHORT_DECIMAL,
    Form,
    Measured,
    ranked,
)

Place: TypeAlias = Literal["headline", "parts", "card", "compare"]
"""Place where a number of all images is shown: tiles below the report's headline, its table of
parts, the model card, the table of compared runs. summary.json has them all."""
USUAL_PLACES: frozenset[Place] = frozenset({"headline", "card", "compare"})


@dataclass(frozen=True)
class Metric:
    """A number of all images of a part."""

    name: str
    """Key in summary.json; the interval stands under this name and `_ci95`."""
    title: str
    measure: Callable[[Evidence], Measured | None]
    """None where the number cannot be computed, or says nothing."""
    meaning: str = ""
    """Meaning and best end, as the end of a line."""
    _: KW_ONLY
    form: Form = AS_DECIMAL
    shown: frozenset[Place] = USUAL_PLACES


METRICS: tuple[Metric, ...] = (
    Metric(
        "accuracy",
        "Accuracy",
        overall.accuracy,
        form=AS_PERCENT,
        shown=frozenset({"parts", "compare"}),
    ),
    Metric(
        "macro_f1",
        "Macro F1",
        overall.macro_f1,
        "every class counts the same; 1 is best",
        shown=frozenset({"headline", "compare"}),
    ),
    Metric(
        "loss",
        "Loss",
        overall.loss,
        "mean cross entropy of an image, in nats; 0 is best",
        shown=frozenset({"headline", "parts", "compare"}),
    ),
    Metric(
        "ece",
        "Calibration error",
        overall.calibration_error,
        "gap between confidence and accuracy; 0 is best",
        shown=frozenset({"headline"}),
    ),
    Metric(
        "balanced_accuracy",
        "Balanced accuracy",
        overall.balanced_accuracy,
        "mean recall of the classes; 1 is best",
    ),
    Metric(
        "matthews_correlation",
        "Matthews correlation",
        overall.matthews_correlation,
        "correlation of truth and answer; 0 is chance, 1 is best",
    ),
    Metric(
        "cohens_kappa",
        "Cohen's kappa",
        overall.cohens_kappa,
        "agreement beyond chance; 0 is chance, 1 is best",
    ),
    Metric(
        "top5_accuracy",
        "Top-5 accuracy",
        overall.top5_accuracy,
        "the true class is among the five likeliest",
        form=AS_PERCENT,
    ),
    Metric(
        "roc_auc",
        "Macro ROC AUC",
        overall.roc_auc,
        "how well each class is ranked above the rest; 0.5 is chance, 1 is best",
    ),
    Metric(
        "average_precision",
        "Macro average precision",
        overall.average_precision,
        "precision over all thresholds, each class against the rest; 1 is best",
    ),
)
"""Metrics in the order of summary.json."""


def metrics_in(place: Place) -> tuple[Metric, ...]:
    """The metrics that are shown in one place, in their order."""
    return tuple(metric for metric in METRICS if place in metric.shown)


@dataclass(frozen=True, kw_only=True)
class ClassMetric:
    """A number of the images of one class."""

    name: str
    """Key in summary.json."""
    title: str
    measure: Callable[[ClassMetrics], Measured | None]
    """None where the number cannot be computed; it is then not in summary.json."""
    is_defined: Callable[[ClassMetrics], bool] = lambda _: True
    undefined: str = "–"
    """Text in the table where it is not defined."""
    form: Form = AS_PERCENT
    meaning: str = ""
    """A sentence above the table."""


CLASS_METRICS: tuple[ClassMetric, ...] = (
    ClassMetric(
        name="precision",
        title="Precision",
        measure=lambda c: Measured(c.precision, c.precision_ci95),
        is_defined=lambda c: c.predicted > 0,
        undefined="never answered",
        meaning="Precision: how often the answer was right when the network gave it.",
    ),
    ClassMetric(
        name="recall",
        title="Recall",
        measure=lambda c: Measured(c.recall, c.recall_ci95),
        is_defined=lambda c: c.n > 0,
        undefined="no test images",
        meaning="Recall: which fraction of the class was found.",
    ),
    ClassMetric(
        name="f1",
        title="F1",
        measure=lambda c: Measured(c.f1, c.f1_ci95),
        is_defined=lambda c: c.n + c.predicted > 0,
        form=AS_SHORT_DECIMAL,
        meaning="F1: both in one number, 1 at best.",
    ),
    ClassMetric(
        name="specificity",
        title="Specificity",
        measure=by_class.specificity,
        meaning="Specificity: which fraction of the other class was not given this one; "
        "recall is also called sensitivity.",
    ),
    ClassMetric(
        name="roc_auc",
        title="ROC AUC",
        measure=lambda c: ranked(c.ranked_roc_auc),
        form=AS_SHORT_DECIMAL,
        meaning="ROC AUC: how often an image of the class has a higher probability of it than "
        "another image has; no interval where there are too few images or mistakes for one.",
    ),
    ClassMetric(
        name="average_precision",
        title="Average precision",
        measure=lambda c: ranked(c.ranked_precision),
        form=AS_SHORT_DECIMAL,
        meaning="Average precision: the precision, over all thresholds of the class's probability.",
    ),
)
"""Metrics in the order of summary.json."""
