"""The numbers that say how good predictions are, and the one table of them.

N images, K classes. Counts come first, ratios last; empty input raises.

A new number is one entry of `METRICS` (of all images) or of `CLASS_METRICS` (of each class):
summary.json, the report, the model card and the comparison of runs show what stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.errors import TrainingError
from nunbit.evaluation import agreement
from nunbit.evaluation.calibration import Reliability, reliability
from nunbit.evaluation.f1 import macro_f1
from nunbit.evaluation.intervals import macro_f1_interval, wilson_interval
from nunbit.evaluation.ranking import OneVsRest, Ranked, one_vs_rest
from nunbit.formatting import (
    count,
    decimal,
    decimal_with_range,
    decimal_with_short_range,
    percent,
    percent_with_range,
)
from nunbit.types import ClassNames, Predictions

Place: TypeAlias = Literal["headline", "parts", "card", "compare"]
"""Where a number of all images is shown: tiles below the report's headline, its table of parts,
the model card, the table of compared runs. summary.json has them all."""


class LabelledPredictions(Protocol):
    """Answers of a model for N images with known classes; `Predictions` is one."""

    def __len__(self) -> int: ...

    @property
    def labels(self) -> NDArray[np.int64]:
        """[N] true class."""

    @property
    def predicted(self) -> NDArray[np.int64]:
        """[N] class of the answer."""

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """[N, K] of each class."""

    @property
    def losses(self) -> NDArray[np.float64]:
        """[N] cross entropy in nats."""


@dataclass(frozen=True)
class Evidence:
    """Predictions, and what several metrics need of them."""

    predictions: LabelledPredictions

    @property
    def n(self) -> int:
        """Images."""
        return len(self.predictions)

    @property
    def correct(self) -> int:
        """Images whose answer is the true class."""
        return int((self.predictions.labels == self.predictions.predicted).sum())

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """[K, K] counts; row: true class, column: predicted class."""
        classes = self.predictions.probabilities.shape[1]
        return confusion_counts(self.predictions.labels, self.predictions.predicted, classes)

    @cached_property
    def reliability(self) -> Reliability:
        """Confidence against accuracy."""
        right = self.predictions.predicted == self.predictions.labels
        return reliability(self.predictions.probabilities.max(axis=1), right)

    @cached_property
    def rankings(self) -> OneVsRest:
        """ROC AUC and average precision of each class against the rest."""
        return one_vs_rest(self.predictions.probabilities, self.predictions.labels)

    @property
    def absent(self) -> str:
        """Remark that classes have no images and are left out of a mean; '' if all have some."""
        sizes = self.confusion.sum(axis=1)
        absent = int((sizes == 0).sum())
        return f"without {count(absent, 'class', 'classes')} that no image is of" if absent else ""


class Form(NamedTuple):
    """Format of a number."""

    value: Callable[[float | None], str]
    with_range: Callable[[float, tuple[float, float]], str]


AS_PERCENT = Form(percent, percent_with_range)
AS_DECIMAL = Form(decimal, decimal_with_range)
AS_SHORT_DECIMAL = Form(decimal, decimal_with_short_range)


@dataclass(frozen=True)
class Measured:
    """A number and, where one is known, its 95 % interval."""

    value: float
    ci95: tuple[float, float] | None = None
    note: str = ""
    """What was left out, or why there is no interval, as the end of a line."""

    def text(self, form: Form) -> str:
        """The number as a reader sees it, with its interval where it has one."""
        if self.ci95 is None:
            return form.value(self.value)
        return form.with_range(self.value, self.ci95)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number of all images of a part."""

    name: str
    """Key in summary.json; the interval stands under this name and `_ci95`."""
    title: str
    measure: Callable[[Evidence], Measured | None]
    """None where the number cannot be computed, or says nothing."""
    meaning: str = ""
    """What it says and which end is best, as the end of a line."""
    form: Form = AS_DECIMAL
    shown: frozenset[Place] = frozenset()
    is_fraction: bool = False
    """Whether it lies in 0..1, so that seeds have a mean with an interval."""


def _accuracy(found: Evidence) -> Measured:
    return Measured(found.correct / found.n, wilson_interval(found.correct, found.n))


def _macro_f1(found: Evidence) -> Measured:
    # An absent class that was answered counts as 0, as in scikit-learn: the answers were wrong.
    unknown = int(((found.confusion.sum(axis=0) + found.confusion.sum(axis=1)) == 0).sum())
    classes = count(unknown, "class", "classes")
    note = f"without {classes} that neither image nor answer is of" if unknown else ""
    return Measured(macro_f1(found.confusion), macro_f1_interval(found.confusion), note)


def _loss(found: Evidence) -> Measured:
    return Measured(float(found.predictions.losses.mean()))


def _ece(found: Evidence) -> Measured:
    # The interval may lie below the value, which is too high on average for few images.
    return Measured(found.reliability.error, found.reliability.error_ci95)


def _balanced_accuracy(found: Evidence) -> Measured:
    value = agreement.balanced_accuracy(found.confusion)
    if not agreement.enough_for_interval(found.confusion):
        return Measured(value, note=_notes(found.absent, _FEW_IMAGES))
    interval = agreement.balanced_accuracy_interval(found.confusion)
    return Measured(value, interval, found.absent)


def _matthews(found: Evidence) -> Measured | None:
    value = agreement.matthews_correlation(found.confusion)
    if value is None:
        return None
    if not agreement.enough_for_interval(found.confusion):
        return Measured(value, note=_FEW_IMAGES)
    return Measured(value, agreement.matthews_correlation_interval(found.confusion))


def _kappa(found: Evidence) -> Measured | None:
    value = agreement.cohens_kappa(found.confusion)
    if value is None:
        return None
    if not agreement.enough_for_interval(found.confusion):
        return Measured(value, note=_FEW_IMAGES)
    return Measured(value, agreement.cohens_kappa_interval(found.confusion))


def _top5(found: Evidence) -> Measured | None:
    probabilities, labels = found.predictions.probabilities, found.predictions.labels
    if probabilities.shape[1] < MIN_CLASSES_TOP5:
        return None
    own = probabilities[np.arange(found.n), labels][:, None]
    # Of equal probabilities the later class counts as the higher, as in scikit-learn.
    later = np.arange(probabilities.shape[1]) > labels[:, None]
    rank = ((probabilities > own) | ((probabilities == own) & later)).sum(axis=1)
    right = int((rank < 5).sum())
    return Measured(right / found.n, wilson_interval(right, found.n))


def _roc_auc(found: Evidence) -> Measured | None:
    return _measured(found.rankings.macro_roc_auc, found.absent)


def _average_precision(found: Evidence) -> Measured | None:
    return _measured(found.rankings.macro_average_precision, found.absent)


def _measured(ranked: Ranked | None, note: str = "") -> Measured | None:
    if ranked is None:
        return None
    few = "" if ranked.ci95 else "too few images, or mistakes, of a class for an interval"
    return Measured(ranked.value, ranked.ci95, _notes(note, few))


def _notes(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


_FEW_IMAGES = f"no interval: a class has fewer than {agreement.MIN_IMAGES_FOR_INTERVAL} images"
MIN_CLASSES_TOP5 = 10
"""With fewer, five answers are half of all."""


METRICS: tuple[Metric, ...] = (
    Metric(
        name="accuracy",
        title="Accuracy",
        measure=_accuracy,
        form=AS_PERCENT,
        shown=frozenset({"parts", "compare"}),
        is_fraction=True,
    ),
    Metric(
        name="macro_f1",
        title="Macro F1",
        measure=_macro_f1,
        meaning="every class counts the same; 1 is best",
        shown=frozenset({"headline", "compare"}),
        is_fraction=True,
    ),
    Metric(
        name="loss",
        title="Loss",
        measure=_loss,
        meaning="mean cross entropy of an image, in nats; 0 is best",
        shown=frozenset({"headline", "parts", "compare"}),
    ),
    Metric(
        name="ece",
        title="Calibration error",
        measure=_ece,
        meaning="gap between confidence and accuracy; 0 is best",
        shown=frozenset({"headline"}),
    ),
    Metric(
        name="balanced_accuracy",
        title="Balanced accuracy",
        measure=_balanced_accuracy,
        meaning="mean recall of the classes; 1 is best",
        form=AS_DECIMAL,
        shown=frozenset({"headline", "card", "compare"}),
        is_fraction=True,
    ),
    Metric(
        name="matthews_correlation",
        title="Matthews correlation",
        measure=_matthews,
        meaning="correlation of truth and answer; 0 is chance, 1 is best",
        form=AS_DECIMAL,
        shown=frozenset({"headline", "card", "compare"}),
        is_fraction=False,
    ),
    Metric(
        name="cohens_kappa",
        title="Cohen's kappa",
        measure=_kappa,
        meaning="agreement beyond chance; 0 is chance, 1 is best",
        form=AS_DECIMAL,
        shown=frozenset({"headline", "card", "compare"}),
        is_fraction=False,
    ),
    Metric(
        name="top5_accuracy",
        title="Top-5 accuracy",
        measure=_top5,
        meaning="the true class is among the five likeliest",
        form=AS_PERCENT,
        shown=frozenset({"headline", "card", "compare"}),
        is_fraction=True,
    ),
    Metric(
        name="roc_auc",
        title="Macro ROC AUC",
        measure=_roc_auc,
        meaning="how well each class is ranked above the rest; 0.5 is chance, 1 is best",
        form=AS_DECIMAL,
        shown=frozenset({"headline", "card", "compare"}),
        is_fraction=True,
    ),
    Metric(
        name="average_precision",
        title="Macro average precision",
        measure=_average_precision,
        meaning="precision over all thresholds, each class against the rest; 1 is best",
        form=AS_DECIMAL,
        shown=frozenset({"headline", "card", "compare"}),
        is_fraction=True,
    ),
)
"""In the order of summary.json."""


def metrics_in(place: Place) -> tuple[Metric, ...]:
    """The metrics that are shown in one place, in their order."""
    return tuple(metric for metric in METRICS if place in metric.shown)


@dataclass(frozen=True, kw_only=True)
class ClassMetrics:
    """Metrics of one class. A ratio whose denominator is zero is 0, as in scikit-learn."""

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
    def specificity(self) -> float | None:
        """Fraction of the other class's images, where there are two, not given this one."""
        if not self.others:
            return None
        return 1 - (self.predicted - self.correct) / self.others

    @property
    def specificity_ci95(self) -> tuple[float, float]:
        """Wilson's 95 % interval; (0, 1) where there is no specificity."""
        if not self.others:
            return 0.0, 1.0
        return wilson_interval(self.others - self.predicted + self.correct, self.others)

    @property
    def precision(self) -> float:
        """Fraction of the answers with this class that were right."""
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def precision_ci95(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the precision; (0, 1) for a class that was never answered."""
        return wilson_interval(self.correct, self.predicted) if self.predicted else (0.0, 1.0)

    @property
    def recall(self) -> float:
        """Fraction of this class's images that were found."""
        return self.correct / self.n if self.n else 0.0

    @property
    def recall_ci95(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the recall; (0, 1) for a class without images."""
        return wilson_interval(self.correct, self.n) if self.n else (0.0, 1.0)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        either = self.n + self.predicted
        return 2 * self.correct / either if either else 0.0

    @property
    def f1_ci95(self) -> tuple[float, float]:
        """95 % interval of the F1; (0, 1) for a class that neither occurs nor was answered.

        Of the images that are of the class or were given it, the fraction j that are both is a
        proportion, Jaccard's index, and has Wilson's interval. F1 is 2j / (1 + j), which rises
        with j, so that its interval has the same bounds, transformed.
        """
        either = self.n + self.predicted - self.correct
        if not either:
            return 0.0, 1.0
        low, high = wilson_interval(self.correct, either)
        return 2 * low / (1 + low), 2 * high / (1 + high)

    def to_dict(self) -> dict[str, float]:
        """An entry of `per_class` in summary.json."""
        found = {metric.name: metric.measure(self) for metric in CLASS_METRICS}
        values = {name: number.value for name, number in found.items() if number is not None}
        return {**values, "n": self.n}


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
    """What stands in the table where it is not defined."""
    form: Form = AS_PERCENT
    meaning: str = ""
    """A sentence above the table."""


def _specificity(counts: ClassMetrics) -> Measured | None:
    value = counts.specificity
    return None if value is None else Measured(value, counts.specificity_ci95)


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
        measure=_specificity,
        meaning="Specificity: which fraction of the other class was not given this one; "
        "recall is also called sensitivity.",
    ),
    ClassMetric(
        name="roc_auc",
        title="ROC AUC",
        measure=lambda c: _measured(c.ranked_roc_auc),
        form=AS_SHORT_DECIMAL,
        meaning="ROC AUC: how often an image of the class has a higher probability of it than "
        "another image has; no interval where there are too few images or mistakes for one.",
    ),
    ClassMetric(
        name="average_precision",
        title="Average precision",
        measure=lambda c: _measured(c.ranked_precision),
        form=AS_SHORT_DECIMAL,
        meaning="Average precision: the precision, over all thresholds of the class's probability.",
    ),
)
"""In the order of summary.json."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The numbers of a part as summary.json holds them."""

    values: Mapping[str, Measured]
    """By the name of the metric. An older summary lacks some, another version's has others."""
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
    """By the name of the metric."""
    per_class: dict[str, ClassMetrics]
    """In class order, classes without images included."""
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
        per_class = {name: counts.to_dict() for name, counts in self.per_class.items()}
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
        values=measured(found, METRICS),
        per_class=_per_class(classes, found),
        confusion=found.confusion,
    )


def confusion_counts(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """[K, K] counts; row: true class, column: predicted class."""
    pairs = np.bincount(labels * classes + predicted, minlength=classes**2)
    return pairs.reshape(classes, classes).astype(np.int64)


def measured(found: Evidence, metrics: Iterable[Metric]) -> dict[str, Measured]:
    """The numbers that can be computed, by name."""
    numbers = {metric.name: metric.measure(found) for metric in metrics}
    return {name: number for name, number in numbers.items() if number is not None}


def _per_class(classes: ClassNames, found: Evidence) -> dict[str, ClassMetrics]:
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
