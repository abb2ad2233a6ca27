"""The evidence that metrics are computed from: predictions, and what several metrics need of them.

N images, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.calibration import Reliability, reliability
from nunbit.evaluation.ranking import OneVsRest, one_vs_rest
from nunbit.formatting import count


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


def confusion_counts(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """[K, K] counts; row: true class, column: predicted class."""
    pairs = np.bincount(labels * classes + predicted, minlength=classes**2)
    return pairs.reshape(classes, classes).astype(np.int64)
