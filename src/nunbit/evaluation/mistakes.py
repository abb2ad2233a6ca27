"""Mistakes: predictions that are worth looking at, and confused classes.

All functions return row numbers of the given predictions, most telling first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.seeds import Purpose, rng_for
from nunbit.types import Predictions

MAX_BEST_ORDERED_CLASSES = 300
"""Number of classes beyond which the best order of the leaves takes seconds, and any order of them
is taken."""
WRONG_LABELS = 0.02
"""Share of wrong labels that is assumed where labels are doubted."""
ROUNDING = 1e-9
"""The mean of equal probabilities may exceed each of them by as much as computers round."""


@dataclass(frozen=True, kw_only=True)
class ConfusedPair:
    """Images of one class that were taken for another."""

    true: int
    predicted: int
    count: int
    share: float
    """Fraction of the images of the true class."""


def worst_mistakes(predictions: Predictions, limit: int) -> NDArray[np.int64]:
    """Rows of wrong answers, highest cross entropy first."""
    wrong = np.flatnonzero(predictions.predicted != predictions.labels)
    order = np.argsort(-predictions.losses[wrong], kind="stable")
    return wrong[order][:limit].astype(np.int64)


def least_certain(predictions: Predictions, limit: int) -> NDArray[np.int64]:
    """Rows where the two most probable classes are closest, right or wrong."""
    two_best = np.partition(predictions.probabilities, -2, axis=1)[:, -2:]
    margin = two_best[:, 1] - two_best[:, 0]
    return np.argsort(margin, kind="stable")[:limit].astype(np.int64)


def doubted_below(classes: int) -> float:
    """Probability of a label below which it is likelier wrong than right, for K > 1 classes.

    Wrong with odds s (1 - p) / (K - 1) against (1 - s) p, where s is `WRONG_LABELS`.
    """
    wrong = WRONG_LABELS / max(classes - 1, 1)
    return wrong / (wrong + 1 - WRONG_LABELS)


def doubted_labels(predictions: Predictions) -> NDArray[np.int64]:
    """Rows whose label is likelier wrong than right, the most doubtful first.

    Two rules must hold. If `WRONG_LABELS` of all labels were another class drawn at random, this
    one would be wrong in most cases: by Bayes' rule, its probability p is below that share over
    the number of other classes, where p is small. And another class has at least the probability
    that is usual for it, the mean over the images with that label; this is the rule of confident
    learning (Northcutt et al. 2021, section 3.1), which alone accuses the images of classes that
    are truly alike. Both take the probabilities at their word: they should be calibrated.
    """
    probabilities, labels = predictions.probabilities, predictions.labels
    rows = np.arange(len(labels))
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    sums = np.bincount(labels, weights=probabilities[rows, labels], minlength=len(counts))
    usual = sums / np.maximum(counts, 1)
    answer = predictions.predicted
    # A class without images has no usual probability, and accuses nobody.
    reached = probabilities[rows, answer] >= usual[answer] - ROUNDING
    convincing = reached & (counts[answer] > 0)
    of_label = probabilities[rows, labels]
    suspected = of_label < doubted_below(probabilities.shape[1])
    doubted = np.flatnonzero(convincing & suspected & (answer != labels))
    return doubted[np.argsort(of_label[doubted], kind="stable")].astype(np.int64)


def random_sample(predictions: Predictions, limit: int, *, seed: int) -> NDArray[np.int64]:
    """Rows drawn without repetition, ascending."""
    generator = rng_for(seed, Purpose.SAMPLE)
    rows = generator.choice(len(predictions), size=min(limit, len(predictions)), replace=False)
    return np.sort(rows).astype(np.int64)


def confused_pairs(confusion: NDArray[np.int64], limit: int) -> tuple[ConfusedPair, ...]:
    """The most frequent confusions of a [K, K] matrix (row: true class), most frequent first."""
    mistakes = confusion - np.diag(np.diag(confusion))
    n = confusion.sum(axis=1)
    order = np.argsort(-mistakes, axis=None, kind="stable")[:limit]
    pairs = (divmod(int(cell), len(confusion)) for cell in order)
    return tuple(
        ConfusedPair(
            true=true,
            predicted=predicted,
            count=int(mistakes[true, predicted]),
            share=float(mistakes[true, predicted] / n[true]),
        )
        for true, predicted in pairs
        if mistakes[true, predicted]
    )


def confusion_order(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order of the classes, [K], that puts those often confused with each other side by side.

    Hierarchical clustering over the shares confused in either direction, its leaves in optimal
    order (Bar-Joseph et al. 2001) up to `MAX_BEST_ORDERED_CLASSES`. The given order stays where
    nothing is confused.
    """
    classes = len(confusion)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    confused = shares + shares.T
    np.fill_diagonal(confused, 0)
    if classes <= 2 or not confused.any():
        return np.arange(classes, dtype=np.int64)
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distance = 1 - confused / confused.max()
    np.fill_diagonal(distance, 0)
    best = classes <= MAX_BEST_ORDERED_CLASSES
    tree = linkage(squareform(distance), method="average", optimal_ordering=best)
    order = np.asarray(leaves_list(tree), dtype=np.int64)
    return order if order[0] < order[-1] else order[::-1]
