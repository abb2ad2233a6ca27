"""The numbers of one evaluation, and their form in summary.json.

K classes. Counts come first, ratios last; empty input raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.errors import TrainingError
from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.metrics import registry
from nunbit.evaluation.metrics.by_class import ClassMetrics, class_metrics
from nunbit.evaluation.metrics.evidence import Evidence
from nunbit.evaluation.metrics.measured import Measured
from nunbit.types import ClassNames, Predictions


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The numbers of a part as summary.json holds them."""

    values: Mapping[str, Measured]
    """Values by the name of the metric. An older summary lacks some, another version's has
    others."""
    per_class: Mapping[str, Mapping[str, float]]

    def get(self, name: str) -> Measured | None:
        """A number; None where the summary does not have it."""
        return self.values.get(name)

    def value(self, name: str) -> float | None:
        """A number without its interval; None where the summary does not have it."""
        found = self.values.get(name)
        return None if found is None else found.value

    def to_dict(self) -> dict[str, Any]:
        """The block of summary.json: plain and finite values."""
        block: dict[str, Any] = {}
        for name, found in self.values.items():
            block[name] = found.value
            if found.ci95 is not None:
                block[f"{name}_ci95"] = list(found.ci95)
        notes = {name: found.note for name, found in self.values.items() if found.note}
        if notes:
            block["notes"] = notes
        return block | {"per_class": {name: dict(row) for name, row in self.per_class.items()}}

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> Scores:
        """The inverse of `to_dict`. Raises TypeError or ValueError for anything else."""
        values, notes = {}, block.get("notes") or {}
        for name, value in block.items():
            if name in ("per_class", "notes") or name.endswith("_ci95"):
                continue
            interval = block.get(f"{name}_ci95")
            ci95 = None if interval is None else _pair(interval)
            values[name] = Measured(float(value), ci95, str(notes.get(name, "")))
        per_class = block.get("per_class") or {}
        return cls(values=values, per_class={name: dict(row) for name, row in per_class.items()})


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The numbers of one evaluation; made by `evaluate`."""

    n: int
    correct: int
    values: Mapping[str, Measured]
    """Values by the name of the metric."""
    per_class: dict[str, ClassMetrics]
    """Metrics in class order, classes without images included."""
    confusion: NDArray[np.int64]
    """[K, K] counts; row: true class, column: predicted class."""

    @property
    def accuracy(self) -> float:
        """Fraction of right answers."""
        return self.correct / self.n

    @property
    def accuracy_ci95(self) -> tuple[float, float]:
        """Wilson's interval."""
        return wilson_interval(self.correct, self.n)

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that occur among the labels or the answers."""
        return self.values["macro_f1"].value

    @property
    def loss(self) -> float:
        """Mean cross entropy of an image, in nats."""
        return self.values["loss"].value

    @property
    def ece(self) -> float:
        """Expected calibration error of the top answer's probability, 15 equal-width bins."""
        return self.values["ece"].value

    @property
    def ece_ci95(self) -> tuple[float, float]:
        """May lie below `ece`, which is too high on average where there are few images."""
        interval = self.values["ece"].ci95
        assert interval is not None
        return interval

    @property
    def scores(self) -> Scores:
        """Content of summary.json for these metrics."""
        per_class = {name: _of_class(counts) for name, counts in self.per_class.items()}
        return Scores(values=self.values, per_class=per_class)


def evaluate(predictions: Predictions, classes: ClassNames) -> Metrics:
    """The numbers of predictions whose true classes are known.

    Raises ValueError for no predictions, an unknown true class or a number of classes that is
    not K; TrainingError where the network's outputs are not finite.
    """
    _check_usable(predictions, classes)
    found = Evidence(predictions)
    return Metrics(
        n=found.n,
        correct=found.correct,
        values=measured(found, registry.METRICS),
        per_class=class_metrics(classes, found),
        confusion=found.confusion,
    )


def measured(found: Evidence, metrics: Iterable[registry.Metric]) -> dict[str, Measured]:
    """The numbers that can be computed, by name."""
    numbers = {metric.name: metric.measure(found) for metric in metrics}
    return {name: number for name, number in numbers.items() if number is not None}


def _of_class(counts: ClassMetrics) -> dict[str, float]:
    """An entry of `per_class` in summary.json."""
    found = {metric.name: metric.measure(counts) for metric in registry.CLASS_METRICS}
    values = {name: number.value for name, number in found.items() if number is not None}
    return {**values, "n": counts.n}


def _pair(values: Any) -> tuple[float, float]:
    low, high = values
    return float(low), float(high)


def _check_usable(predictions: Predictions, classes: ClassNames) -> None:
    if not len(predictions):
        raise ValueError("no predictions to evaluate")
    if predictions.logits.shape[1] != len(classes):
        raise ValueError(
            f"{predictions.logits.shape[1]} outputs do not fit {len(classes)} class names"
        )
    unknown = int((predictions.labels < 0).sum())
    if unknown:
        raise ValueError(f"{unknown} of {len(predictions)} predictions have no true class")
    broken = int((~np.isfinite(predictions.logits)).any(axis=1).sum())
    if broken:
        raise TrainingError(
            f"the network's outputs are not finite for {broken} of {len(predictions)} images, "
            "so no numbers can be given",
            remedy="train again with a smaller learning rate",
        )
