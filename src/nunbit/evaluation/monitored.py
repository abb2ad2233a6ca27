"""Numbers of the validation part by which an epoch can be chosen."""

from __future__ import annotations

from collections.abc import Iterator

from nunbit.evaluation.agreement import balanced_accuracy
from nunbit.evaluation.f1 import macro_f1
from nunbit.evaluation.metrics import confusion_counts
from nunbit.types import Predictions


def validation_numbers(predictions: Predictions) -> Iterator[tuple[str, float]]:
    """Name and value of each, of predictions whose true classes are known; at least one image."""
    classes = predictions.logits.shape[1]
    confusion = confusion_counts(predictions.labels, predictions.predicted, classes)
    yield "accuracy", float((predictions.predicted == predictions.labels).mean())
    yield "macro_f1", macro_f1(confusion)
    yield "balanced_accuracy", balanced_accuracy(confusion)
