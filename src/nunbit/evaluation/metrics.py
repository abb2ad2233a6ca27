"""The numbers that say how good predictions are.

N images, K classes. Counts come first, ratios last; empty input raises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.errors import TrainingError
from nunbit.evaluation.calibration import reliability_of
from nunbit.evaluation.intervals import macro_f1_interval, wilson_interval
from nunbit.types import ClassNames, Predictions


@dataclass(frozen=True, kw_only=True)
class ClassMetrics:
    """How one class fared. A ratio whose denominator is zero is 0, as in scikit-learn."""

    precision: float
    """Share of the answers with this class that were right; 0 if it was never answered."""
    recall: float
    """Share of this class's images that were found; 0 if there are none."""
    f1: float
    n: int
    """Images of this class."""
    predicted: int
    """Images that were given this class."""
    correct: int

    @property
    def recall_ci95(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the recall; (0, 1) for a class without images."""
        return wilson_interval(self.correct, self.n) if self.n else (0.0, 1.0)

    @property
    def precision_ci95(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the precision; (0, 1) for a class that was never answered."""
        return wilson_interval(self.correct, self.predicted) if self.predicted else (0.0, 1.0)

    @property
    def f1_ci95(self) -> tuple[float, float]:
        """95 % interval of the F1; (0, 1) for a class that neither occurs nor was answered.

        Of the images that are of the class or were given it, the share j that are both is a
        proportion, Jaccard's index, and has Wilson's interval. F1 is 2j / (1 + j), which rises
        with j, so that its interval has the same bounds, transformed.
        """
        either = self.n + self.predicted - self.correct
        if not either:
            return 0.0, 1.0
        low, high = wilson_interval(self.correct, either)
        return 2 * low / (1 + low), 2 * high / (1 + high)


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What always answering the most frequent class of the evaluated images would reach."""

    name: str
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The numbers of one evaluation; made by `evaluate`."""

    n: int
    correct: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    """Wilson's interval."""
    macro_f1: float
    """Mean F1 of the classes that occur among the labels or the answers, as in scikit-learn."""
    macro_f1_ci95: tuple[float, float]
    """See `macro_f1_interval`."""
    loss: float
    """Mean cross entropy per image, in nats."""
    ece: float
    """Expected calibration error of the top answer's probability, 15 equal-width bins."""
    ece_ci95: tuple[float, float]
    """May lie below `ece`, which is too high on average where there are few images."""
    per_class: dict[str, ClassMetrics]
    """In class order, classes without images included."""
    confusion: NDArray[np.int64]
    """[K, K] counts; row: true class, column: predicted class."""
    baseline: Baseline

    def to_dict(self) -> dict[str, object]:
        """The block of summary.json: plain and finite values."""
        return {
            "accuracy": self.accuracy,
            "accuracy_ci95": list(self.accuracy_ci95),
            "macro_f1": self.macro_f1,
            "macro_f1_ci95": list(self.macro_f1_ci95),
            "loss": self.loss,
            "ece": self.ece,
            "ece_ci95": list(self.ece_ci95),
            "per_class": {
                name: {"precision": c.precision, "recall": c.recall, "f1": c.f1, "n": c.n}
                for name, c in self.per_class.items()
            },
        }


def evaluate(predictions: Predictions, classes: ClassNames) -> Metrics:
    """The numbers of predictions whose true classes are known.

    Raises ValueError for no predictions, an unknown true class or a number of classes that is
    not K; TrainingError where the network's outputs are not finite.
    """
    _refuse_unusable(predictions, classes)
    labels, predicted = predictions.labels, predictions.predicted
    n, correct = len(labels), int((labels == predicted).sum())
    confusion = _confusion(labels, predicted, len(classes))
    counts = confusion.sum(axis=1)
    largest = int(counts.argmax())
    confidence = reliability_of(predictions)
    return Metrics(
        n=n,
        correct=correct,
        accuracy=correct / n,
        accuracy_ci95=wilson_interval(correct, n),
        macro_f1=macro_f1(confusion),
        macro_f1_ci95=macro_f1_interval(confusion),
        loss=float(predictions.losses.mean()),
        ece=confidence.error,
        ece_ci95=confidence.error_ci95,
        per_class=_per_class(classes, confusion),
        confusion=confusion,
        baseline=Baseline(name=classes[largest], accuracy=float(counts[largest] / n)),
    )


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """Mean F1, from [K, K] counts, of the classes that occur among the labels or the answers.

    Raises ValueError if there is no image.
    """
    either = confusion.sum(axis=0) + confusion.sum(axis=1)
    if not either.any():
        raise ValueError("there is no image")
    occurs = either > 0
    return float((2 * np.diag(confusion)[occurs] / either[occurs]).mean())


def _confusion(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """[K, K] counts; row: true class, column: predicted class."""
    pairs = np.bincount(labels * classes + predicted, minlength=classes**2)
    return pairs.reshape(classes, classes).astype(np.int64)


def _per_class(classes: ClassNames, confusion: NDArray[np.int64]) -> dict[str, ClassMetrics]:
    def one(correct: int, n: int, predicted: int) -> ClassMetrics:
        return ClassMetrics(
            precision=correct / predicted if predicted else 0.0,
            recall=correct / n if n else 0.0,
            f1=2 * correct / (n + predicted) if n + predicted else 0.0,
            n=n,
            predicted=predicted,
            correct=correct,
        )

    counts = zip(np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0), strict=True)
    found = (one(int(correct), int(n), int(predicted)) for correct, n, predicted in counts)
    return dict(zip(classes, found, strict=True))


def _refuse_unusable(predictions: Predictions, classes: ClassNames) -> None:
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
