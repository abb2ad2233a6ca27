"""The numbers that say how good predictions are: `registry` is the one table of them."""

from nunbit.evaluation.metrics.by_class import ClassMetrics
from nunbit.evaluation.metrics.evidence import Evidence, LabelledPredictions, confusion_counts
from nunbit.evaluation.metrics.measured import (
    AS_DECIMAL,
    AS_PERCENT,
    AS_SHORT_DECIMAL,
    Form,
    Measured,
)
from nunbit.evaluation.metrics.overall import MIN_CLASSES_TOP5
from nunbit.evaluation.metrics.registry import (
    CLASS_METRICS,
    METRICS,
    ClassMetric,
    Metric,
    Place,
    metrics_in,
)
from nunbit.evaluation.metrics.scores import Metrics, Scores, evaluate, measured

__all__ = [
    "AS_DECIMAL",
    "AS_PERCENT",
    "AS_SHORT_DECIMAL",
    "CLASS_METRICS",
    "METRICS",
    "MIN_CLASSES_TOP5",
    "ClassMetric",
    "ClassMetrics",
    "Evidence",
    "Form",
    "LabelledPredictions",
    "Measured",
    "Metric",
    "Metrics",
    "Place",
    "Scores",
    "confusion_counts",
    "evaluate",
    "measured",
    "metrics_in",
]
