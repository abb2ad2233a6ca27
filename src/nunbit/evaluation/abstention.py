"""Selective prediction: the fraction of images answered when wrong answers must be rare.

N images. An image is answered where the confidence reaches a threshold, else left to somebody
else; the fewer are answered, the more of the answers are right (El-Yaniv and Wiener 2010).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.intervals import wilson_interval
from nunbit.types import Predictions

TARGETS = (0.95, 0.98, 0.99)
"""Accuracies for which a threshold is sought."""
CERTAINTY = 0.9
"""Probability that a threshold keeps its promise on new images of the same kind."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Effect of a threshold on some images."""

    threshold: float
    n: int
    """Images in all."""
    answered: int
    """Images whose confidence reaches the threshold."""
    correct: int
    """Correct answers of the answered ones."""

    @property
    def coverage(self) -> float:
        """Share of the images that are answered."""
        return self.answered / self.n

    @property
    def coverage_ci95(self) -> tuple[float, float]:
        """Wilson's interval."""
        return wilson_interval(self.answered, self.n)

    @property
    def accuracy(self) -> float | None:
        """Share of the answers that are right; None where nothing is answered."""
        return self.correct / self.answered if self.answered else None

    @property
    def accuracy_ci95(self) -> tuple[float, float] | None:
        """Wilson's interval; None where nothing is answered."""
        return wilson_interval(self.correct, self.answered) if self.answered else None

    def to_dict(self) -> dict[str, object]:
        """Plain values for summary.json."""
        accuracy_ci95 = self.accuracy_ci95
        return {
            "threshold": self.threshold,
            "n": self.n,
            "answered": self.answered,
            "correct": self.correct,
            "coverage": self.coverage,
            "coverage_ci95": list(self.coverage_ci95),
            "accuracy": self.accuracy,
            "accuracy_ci95": None if accuracy_ci95 is None else list(accuracy_ci95),
        }

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> Answered:
        """The inverse of `to_dict`. Raises KeyError for anything else."""
        return cls(
            threshold=block["threshold"],
            n=block["n"],
            answered=block["answered"],
            correct=block["correct"],
        )


def choose_thresholds(
    predictions: Predictions, targets: tuple[float, ...] = TARGETS
) -> dict[str, float]:
    """The lowest threshold for each accuracy that these images support: {"0.95": 0.83, …}.

    Not the one where the accuracy seen reaches the target: chosen as the luckiest of many, it
    breaks its promise on new images in half of the cases. Instead, the lower limit of Clopper and
    Pearson for the accuracy must reach it, at `CERTAINTY` (after Geifman and El-Yaniv 2017,
    "Selective classification for deep neural networks"). In simulations with 300 to 5,000
    images, the promise is kept in about nine of ten cases. Even without a wrong answer this
    takes 45 answers for 95 %, 114 for 98 % and 230 for 99 %; a target out of reach is absent. 0
    means that every image may be answered.
    """
    from scipy.special import betaincinv  # not needed to use or evaluate a model

    confidence, right, last_of_ties = _by_confidence(predictions)
    answered = np.arange(1, len(right) + 1)
    correct = right.cumsum()
    wrong = answered - correct
    lowest = np.zeros(len(right))
    some = correct > 0
    lowest[some] = betaincinv(correct[some], wrong[some] + 1, 1 - CERTAINTY)
    chosen = {}
    for target in targets:
        reached = np.flatnonzero(last_of_ties & (lowest >= target))
        if len(reached):
            chosen[f"{target:g}"] = _between(confidence, int(reached[-1]))
    return chosen


def answered_at(predictions: Predictions, threshold: float) -> Answered:
    """Measure a threshold on images with known classes; at least one image."""
    taken = predictions.probabilities.max(axis=1) >= threshold
    right = predictions.predicted == predictions.labels
    return Answered(
        threshold=threshold,
        n=len(predictions),
        answered=int(taken.sum()),
        correct=int((taken & right).sum()),
    )


def accuracy_by_coverage(
    predictions: Predictions,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Images answered and right ones among them, the surest first: [M] each, M at most N.

    Images of one confidence are answered together or not at all, and so make one point.
    """
    _, right, last_of_ties = _by_confidence(predictions)
    answered = np.arange(1, len(right) + 1)[last_of_ties]
    return answered, right.cumsum()[last_of_ties].astype(np.int64)


def _by_confidence(
    predictions: Predictions,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Confidence, whether right, and whether the next one is lower; the surest first, [N] each."""
    confidence = predictions.probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    right = (predictions.predicted == predictions.labels)[order]
    return confidence, right, np.append(confidence[1:] < confidence[:-1], True)


def _between(confidence: NDArray[np.float64], last: int) -> float:
    """A threshold that lets the first images in, up to `last`, and keeps the next one out.

    Halfway, so that another machine's rounding changes no answer.
    """
    if last + 1 == len(confidence):
        return 0.0
    return float((confidence[last] + confidence[last + 1]) / 2)
