"""Labels that look wrong: what a classifier that has not seen the images thinks of them.

The labels are taken as a mixture of those that follow from the image and those drawn at random
(`label_probabilities`); a label is suspected where the mixture gives a probability of one in four
and more that it is wrong, and another class is likelier. How many labels are wrong is estimated
from the labels; where the estimate is smaller than what is usual in published data sets, what is
usual is expected: a few wrong labels among a hundred images are more often missed than not.

After confident learning (Northcutt et al. 2021), another class is proposed only where its
probability reaches what is usual for images of that class. Their rule for suspicion, any class
above its threshold, finds as many of the wrong labels in Fashion-MNIST but accuses nearly three
right ones for each, because some classes are truly alike.

n images, D features, K classes, S suspected labels, B images in a chunk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.measurements.fold_scores import FoldScores, deal_folds, fit_fold_scores
from nunbit.checks.measurements.label_probabilities import (
    NoisyLabels,
    fit_noisy_labels,
    fit_shared_slope,
)
from nunbit.chunks import chunks
from nunbit.formatting import percentage
from nunbit.seeds import Purpose, rng_for

Floats = NDArray[np.float32]

MIN_DOUBT = 0.25
"""A label is suspected when it is wrong with at least this probability. Looking at three right ones
costs less than a wrong one that stays."""
MIN_WRONG_FRACTION = 0.033
"""Fraction of the labels that is expected to be wrong at least: the mean of the test parts of ten
well-known data sets (Northcutt, Athalye and Mueller 2021, "Pervasive label errors")."""
MAX_SUSPECTED_FRACTION = 1 / 3
"""Limit of the labels: where more would be suspected, the classifier is wrong, or nearly all else
is."""
MIN_GAIN = 5.4
"""Gain of the log-likelihood below which the classifier is no better than the frequencies of the
classes: the likelihood-ratio test at 0.001 (twice the gain is chi-squared with 1 degree)."""
MIN_IMAGES = 50
MIN_CLASS_IMAGES = 5
"""Labels are judged only by classes with so many images."""
MIN_ELSEWHERE = 2
"""And by those with so many images outside any one fold, else nothing teaches the class."""
FOLDS = 5
MAX_FITTED_IMAGES, MAX_FITTED_SCORES = 20_000, 5_000_000
"""Images, and their scores for all classes, that probabilities are fitted to."""
_CHUNK_SCORES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Suspicions:
    """Suspected labels, the most suspicious first."""

    rows: NDArray[np.int64]
    """[S] positions among the n images that were judged."""
    proposed: NDArray[np.int64]
    """[S] the class that is proposed; -1 where none is convincing."""
    confidence: NDArray[np.float64]
    """[S] probability that the given label is wrong, as the classifier sees it: 1 less that of the
    label."""
    not_judged: str = ""
    """Reason why nothing can be said about the labels; '' where they were judged."""

    def __len__(self) -> int:
        return len(self.rows)


def suspected_labels(
    features: Floats,
    labels: NDArray[np.int64],
    *,
    classes: int,
    groups: NDArray[np.int64] | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> Suspicions:
    """Labels that contradict what the other images teach.

    Args:
        features: float32 [n, D].
        labels: int64 [n], 0 to `classes` - 1.
        classes: K.
        groups: int64 [n], equal for copies of one image, which always share a fold: an image
            must not vouch for its own copy. None where there are no copies.
        folds: so many times the classifier is fitted.
        seed: of the division into folds.

    Returns:
        Nothing for fewer than 50 images or two classes; nor about a class that lies in one group,
        for no other image teaches it; nor where the features do not tell the classes apart.
    """
    copies = np.arange(len(labels)) if groups is None else groups
    judged, fold = _judged(labels, copies, classes=classes, folds=folds, seed=seed)
    known, given = np.unique(labels[judged], return_inverse=True)
    if len(judged) < MIN_IMAGES or len(known) < 2:
        return _nothing()
    scores = fit_fold_scores(features[judged], given, len(known), fold=fold)
    frequencies = (np.bincount(given) / len(given)).astype(np.float32)
    some = _rows_to_fit(given, seed=seed)
    fitted = scores.of(some)
    shared = fit_shared_slope(fitted, given[some], frequencies)
    # Copies are right or wrong together, so each group counts as one witness.
    witnesses = len(np.unique(copies[judged])) / len(judged)
    if shared.gain * witnesses < MIN_GAIN:
        return _nothing("the features that were looked at do not tell the classes apart")
    model = fit_noisy_labels(fitted, given[some], shared)
    answers = _answers(scores, given, model)
    doubt = _doubts(answers.own, given, frequencies, model.noise)
    suspects = np.flatnonzero((doubt > MIN_DOUBT) & (answers.likely != given))
    fraction = len(suspects) / len(judged)
    if fraction > MAX_SUSPECTED_FRACTION:
        return _nothing(f"a simple classifier contradicts {percentage(fraction, 0)} of them")
    usual = np.bincount(given, weights=answers.own) / np.bincount(given)
    likely = answers.likely[suspects]
    convincing = answers.of_likely[suspects] >= usual[likely]
    against = 1 - answers.own[suspects]
    order = np.argsort(-against, kind="stable")
    return Suspicions(
        rows=judged[suspects[order]],
        proposed=np.where(convincing, known[likely], -1)[order],
        confidence=against[order],
    )


@dataclass(frozen=True, kw_only=True)
class _Answers:
    """Summary of the probabilities of n images."""

    own: NDArray[np.float64]
    """[n] probability of the given label."""
    likely: NDArray[np.int64]
    """[n] the likeliest class."""
    of_likely: NDArray[np.float64]
    """[n] its probability."""


def _nothing(not_judged: str = "") -> Suspicions:
    none = np.empty(0, np.int64)
    return Suspicions(rows=none, proposed=none, confidence=np.empty(0), not_judged=not_judged)


def _judged(
    labels: NDArray[np.int64], copies: NDArray[np.int64], *, classes: int, folds: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the images of classes that can be taught, and the fold of each."""
    counts = np.bincount(labels, minlength=classes)
    judged = np.flatnonzero(counts[labels] >= MIN_CLASS_IMAGES)
    fold = deal_folds(labels[judged], copies[judged], folds=folds, seed=seed)
    in_fold = np.zeros((folds, classes), dtype=np.int64)
    np.add.at(in_fold, (fold, labels[judged]), 1)
    taught = in_fold.sum(axis=0) - in_fold.max(axis=0) >= MIN_ELSEWHERE
    kept = taught[labels[judged]]
    return judged[kept], fold[kept]


def _rows_to_fit(labels: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """Positions of the images that probabilities are fitted to."""
    classes = int(labels.max()) + 1
    count = min(MAX_FITTED_IMAGES, MAX_FITTED_SCORES // classes)
    if len(labels) <= count:
        return np.arange(len(labels))
    some = rng_for(seed, Purpose.SAMPLE).permutation(len(labels))[:count]
    # A class without an image among them would have no probability at all.
    _, first = np.unique(labels, return_index=True)
    return np.union1d(some, first)


def _answers(scores: FoldScores, labels: NDArray[np.int64], model: NoisyLabels) -> _Answers:
    count = len(labels)
    own, of_likely = np.empty(count), np.empty(count)
    likely = np.empty(count, dtype=np.int64)
    size = max(1, _CHUNK_SCORES // scores.weights.shape[2])
    for rows in chunks(np.arange(count), size):
        found = model(scores.of(rows))
        likely[rows] = found.argmax(axis=1)
        of_likely[rows] = found.max(axis=1)
        own[rows] = found[np.arange(len(rows)), labels[rows]]
    return _Answers(own=own, likely=likely, of_likely=of_likely)


def _doubts(
    own: NDArray[np.float64], labels: NDArray[np.int64], frequencies: Floats, noise: float
) -> NDArray[np.float64]:
    """[n] probability that a label is wrong: it was drawn at random, and not right by chance.

    `own` [n] are the probabilities of the labels [n], `frequencies` [K] those of the classes.
    """
    classes = len(frequencies)
    # Of labels drawn at random among equally frequent classes, 1 in K is right by chance.
    noise = max(noise, MIN_WRONG_FRACTION * classes / (classes - 1))
    at_random = noise * frequencies[labels].astype(np.float64)
    return at_random * (1 - own) / ((1 - noise) * own + at_random)
