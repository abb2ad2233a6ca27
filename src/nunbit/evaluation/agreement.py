"""Numbers of a confusion matrix in which chance, or the size of a class, is allowed for.

K classes; [K, K] counts with a row for the true class and a column for the answer. A class without
images is left out of a mean over classes; it is never counted as 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.intervals import wilson_for_variance

MIN_IMAGES_FOR_INTERVAL = 25
"""Images of the smallest class. In simulations the intervals below hold in 93 to 97 of 100 samples
with so many; with ten images of a class, in 91 to 97, with five in 82 to 99."""


def enough_for_interval(confusion: NDArray[np.int64]) -> bool:
    """Tell whether no class that has images has too few of them for the intervals below."""
    n = confusion.sum(axis=1)
    return int(n[n > 0].min()) >= MIN_IMAGES_FOR_INTERVAL


def balanced_accuracy(confusion: NDArray[np.int64]) -> float:
    """Mean recall of the classes that have images, as in scikit-learn; at least one image."""
    n = confusion.sum(axis=1)
    return float((np.diag(confusion)[n > 0] / n[n > 0]).mean())


def balanced_accuracy_interval(confusion: NDArray[np.int64]) -> tuple[float, float]:
    """The 95 % interval of the mean recall of C classes that have images.

    The variance of a sum of fractions after two right and two wrong answers have been spread over
    the classes (Price and Bonett 2004, "An improved confidence interval for a linear function of
    binomial proportions"); the interval is Wilson's for as many images as an accuracy with such a
    variance would have.
    """
    n = confusion.sum(axis=1)
    correct, n = np.diag(confusion)[n > 0].astype(np.float64), n[n > 0].astype(np.float64)
    added = 2 / len(n)
    smooth = (correct + added) / (n + 2 * added)
    variance = float((smooth * (1 - smooth) / n).sum()) / len(n) ** 2
    return wilson_for_variance(float((correct / n).mean()), variance, at=float(smooth.mean()))


def matthews_correlation(confusion: NDArray[np.int64]) -> float | None:
    """Correlation of truth and answer, -1 to 1 (Gorodkin 2004); None where one never varies.

    scikit-learn says 0 there, which would mean "no better than chance".
    """
    shares = confusion / confusion.sum()
    truth, answers = shares.sum(axis=1), shares.sum(axis=0)
    spread = (1 - (truth**2).sum()) * (1 - (answers**2).sum())
    if _constant(confusion.sum(axis=1)) or _constant(confusion.sum(axis=0)):
        return None
    return float((np.trace(shares) - truth @ answers) / np.sqrt(spread))


def cohens_kappa(confusion: NDArray[np.int64]) -> float | None:
    """Agreement of truth and answer beyond chance, at most 1 (Cohen 1960).

    None where all images are of one class and answered so: chance would agree as well.
    """
    shares = confusion / confusion.sum()
    truth, answers = shares.sum(axis=1), shares.sum(axis=0)
    if (confusion.max() == confusion.sum()) and np.trace(confusion):
        return None
    chance = truth @ answers
    return float((np.trace(shares) - chance) / (1 - chance))


def matthews_correlation_interval(confusion: NDArray[np.int64]) -> tuple[float, float]:
    """The 95 % interval of `matthews_correlation` where that is not None, by the delta method."""
    value = matthews_correlation(confusion)
    assert value is not None
    return _signed_interval(confusion, value, matthews_correlation_influence(confusion))


def balanced_accuracy_influence(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Derivatives of `balanced_accuracy` by the share of images of each cell, [K, K].

    The sizes of the classes are taken as given.
    """
    n = confusion.sum(axis=1)
    of_class = np.zeros(len(n))
    of_class[n > 0] = n.sum() / n[n > 0] / (n > 0).sum()
    return np.diag(of_class)


def matthews_correlation_influence(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Derivatives of `matthews_correlation` by the share of images of each cell, [K, K]."""
    shares = confusion / confusion.sum()
    truth, answers = shares.sum(axis=1), shares.sum(axis=0)
    of_truth, of_answers = 1 - (truth**2).sum(), 1 - (answers**2).sum()
    value = (np.trace(shares) - truth @ answers) / np.sqrt(of_truth * of_answers)
    numerator = np.eye(len(shares)) - answers[:, None] - truth[None, :]
    influence: NDArray[np.float64] = numerator / np.sqrt(of_truth * of_answers)
    influence += value * (truth[:, None] / of_truth + answers[None, :] / of_answers)
    return influence


def cohens_kappa_interval(confusion: NDArray[np.int64]) -> tuple[float, float]:
    """The 95 % interval of `cohens_kappa` where that is not None, by the delta method.

    The variance is that of Fleiss, Cohen and Everitt 1969.
    """
    value = cohens_kappa(confusion)
    assert value is not None
    return _signed_interval(confusion, value, cohens_kappa_influence(confusion))


def cohens_kappa_influence(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Derivatives of `cohens_kappa` by the share of images of each cell, [K, K]."""
    shares = confusion / confusion.sum()
    truth, answers = shares.sum(axis=1), shares.sum(axis=0)
    chance = truth @ answers
    value = (np.trace(shares) - chance) / (1 - chance)
    by_chance = answers[:, None] + truth[None, :]
    influence: NDArray[np.float64] = (np.eye(len(shares)) - by_chance + value * by_chance) / (
        1 - chance
    )
    return influence


def _signed_interval(
    confusion: NDArray[np.int64], value: float, influence: NDArray[np.float64]
) -> tuple[float, float]:
    """Interval of a number in -1..1 from its derivatives by the share of each cell, [K, K].

    The number of images of each class is taken as given, as in a split by class. (1 + value) / 2
    is treated as an accuracy: with two classes of equal size, it is one.
    """
    n = confusion.sum(axis=1).astype(np.float64)
    confusion, influence, n = confusion[n > 0], influence[n > 0], n[n > 0]
    within = confusion / n[:, None]
    mean = (within * influence).sum(axis=1, keepdims=True)
    spread = (within * (influence - mean) ** 2).sum(axis=1) / np.maximum(n - 1, 1)
    variance = float(((n / n.sum()) ** 2 * spread).sum())
    # Where all are right: as many images as a mean of recalls would have.
    images = len(n) ** 2 / float((1 / n).sum())
    low, high = wilson_for_variance((1 + value) / 2, variance / 4, otherwise=images)
    return 2 * low - 1, 2 * high - 1


def _constant(counts: NDArray[np.int64]) -> bool:
    return int((counts > 0).sum()) < 2
