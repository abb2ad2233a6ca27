"""The measures of all images of a part: each turns evidence into a number, or into None.

None stands for a number that cannot be computed, or says nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation import agreement, f1
from nunbit.evaluation.intervals import macro_f1_interval, wilson_interval
from nunbit.evaluation.metrics.evidence import Evidence
from nunbit.evaluation.metrics.measured import Measured, joined, ranked
from nunbit.formatting import count

MIN_CLASSES_TOP5 = 10
"""Number of classes below which five answers are half of all."""
_FEW_IMAGES = f"no interval: a class has fewer than {agreement.MIN_IMAGES_FOR_INTERVAL} images"


def accuracy(found: Evidence) -> Measured:
    """Fraction of right answers."""
    return Measured(found.correct / found.n, wilson_interval(found.correct, found.n))


def macro_f1(found: Evidence) -> Measured:
    """Mean F1 of the classes that occur among the labels or the answers."""
    # An absent class that was answered counts as 0, as in scikit-learn: the answers were wrong.
    unknown = int(((found.confusion.sum(axis=0) + found.confusion.sum(axis=1)) == 0).sum())
    classes = count(unknown, "class", "classes")
    note = f"without {classes} that neither image nor answer is of" if unknown else ""
    return Measured(f1.macro_f1(found.confusion), macro_f1_interval(found.confusion), note)


def loss(found: Evidence) -> Measured:
    """Mean cross entropy of an image, in nats."""
    return Measured(float(found.predictions.losses.mean()))


def calibration_error(found: Evidence) -> Measured:
    """Expected calibration error of the top answer's probability."""
    # The interval may lie below the value, which is too high on average for few images.
    return Measured(found.reliability.error, found.reliability.error_ci95)


def top5_accuracy(found: Evidence) -> Measured | None:
    """Fraction of images whose class is among the five likeliest."""
    probabilities, labels = found.predictions.probabilities, found.predictions.labels
    if probabilities.shape[1] < MIN_CLASSES_TOP5:
        return None
    own = probabilities[np.arange(found.n), labels][:, None]
    # Of equal probabilities the later class counts as the higher, as in scikit-learn.
    later = np.arange(probabilities.shape[1]) > labels[:, None]
    rank = ((probabilities > own) | ((probabilities == own) & later)).sum(axis=1)
    right = int((rank < 5).sum())
    return Measured(right / found.n, wilson_interval(right, found.n))


def roc_auc(found: Evidence) -> Measured | None:
    """Mean ROC AUC of the classes, each against the rest."""
    return ranked(found.rankings.macro_roc_auc, found.absent)


def average_precision(found: Evidence) -> Measured | None:
    """Mean average precision of the classes, each against the rest."""
    return ranked(found.rankings.macro_average_precision, found.absent)


def _of_confusion(
    value: Callable[[NDArray[np.int64]], float | None],
    interval: Callable[[NDArray[np.int64]], tuple[float, float]],
    *,
    without_absent: bool = False,
) -> Callable[[Evidence], Measured | None]:
    """A measure of the confusion matrix whose interval needs enough images of each class.

    `without_absent` notes the classes without images, which a mean over classes leaves out.
    """

    def measure(found: Evidence) -> Measured | None:
        number = value(found.confusion)
        if number is None:
            return None
        note = found.absent if without_absent else ""
        if not agreement.enough_for_interval(found.confusion):
            return Measured(number, note=joined(note, _FEW_IMAGES))
        return Measured(number, interval(found.confusion), note)

    return measure


balanced_accuracy = _of_confusion(
    agreement.balanced_accuracy, agreement.balanced_accuracy_interval, without_absent=True
)
matthews_correlation = _of_confusion(
    agreement.matthews_correlation, agreement.matthews_correlation_interval
)
cohens_kappa = _of_confusion(agreement.cohens_kappa, agreement.cohens_kappa_interval)
