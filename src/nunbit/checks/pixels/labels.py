"""Images that look mislabelled: what a classifier that has not seen them thinks of their labels.

A linear classifier on features is fitted by ridge regression on all folds but one, and judges that
one. It cannot learn single wrong labels by heart and needs neither tuning nor time; on 8,000 images
of Fashion-MNIST with 2 % of wrong labels it ranks them better than a network with a hidden layer
that predicts the other images better. Its scores become probabilities by a logistic regression, and
a label with a small probability is suspected. After confident learning (Northcutt et al. 2021),
another class is proposed only where its probability reaches what is usual for images of that class.
Their rule for suspicion, any class above its threshold, finds as many of the wrong labels there but
accuses nearly three right ones for each, because some classes are truly alike.

n images, D features, K classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import EXAMPLES, alone
from nunbit.checks.finding import Finding
from nunbit.checks.measurements.embedding import Features
from nunbit.checks.pixels.near_copies import copies_together
from nunbit.chunks import chunks
from nunbit.data.corrections import Correction
from nunbit.data.near_duplicates import HashObserver
from nunbit.seeds import Purpose, rng_for
from nunbit.types import Samples

Floats = NDArray[np.float32]

SUSPECTED = 0.015
"""Probability of the given label below which it is suspected."""
AGAINST_FLOOR = 2.5
"""Or below so many times the probability of any other class where the image is plain, which is the
rate of wrong labels drawn at random: a label is then wrong in two of five cases at least."""
MOST_SUSPECTED = 0.25
"""No label of a larger probability is suspected, however poorly the classes are separated."""
FEWEST_IMAGES = 50
FEWEST_OF_CLASS = 5
"""Labels are judged only by classes with so many images."""
FEWEST_ELSEWHERE = 2
"""And by those with so many images outside any one fold, else nothing teaches the class."""
FOLDS = 5
_RIDGE = 0.3
_CALIBRATED_BY = 20_000
"""Images that probabilities are fitted to."""
_CHUNK_SIZE = 8_192
_WHY = (
    "A simple classifier that was fitted to the other images is sure of another class. It errs "
    "where classes look alike: these are suspicions, not verdicts."
)
_REMEDY = (
    "Look at them, the most suspicious first. The fix list proposes the likely class where there "
    "is one, else to leave the image out; delete the lines whose labels are right. For a given "
    "test part it proposes nothing: no classifier should choose its own test."
)


class SuspectedLabels(Check):
    """Labels that contradict what the other images teach."""

    name = "labels"
    needs = "embedding"

    def observers(self, context: Context) -> tuple[HashObserver, ...]:
        """See `Check.observers`."""
        del context
        return (HashObserver(),)

    def run(self, context: Context) -> Iterable[Finding]:
        """See `label_findings`."""
        copies = copies_together(context.samples, context.near_duplicates)
        return label_findings(context.samples, context.features, groups=copies)


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
        Nothing for fewer than 50 images or two classes: nothing can be said about them; nor about
        a class that lies in one group, for no other image teaches it.
    """
    counts = np.bincount(labels, minlength=classes)
    judged = np.flatnonzero(counts[labels] >= FEWEST_OF_CLASS)
    copies = np.arange(len(labels)) if groups is None else groups
    fold = _folds(labels[judged], copies[judged], folds=folds, seed=seed)
    in_fold = np.zeros((folds, classes), dtype=np.int64)
    np.add.at(in_fold, (fold, labels[judged]), 1)
    taught = in_fold.sum(axis=0) - in_fold.max(axis=0) >= FEWEST_ELSEWHERE
    judged, fold = judged[taught[labels[judged]]], fold[taught[labels[judged]]]
    known = np.flatnonzero(taught)
    if len(judged) < FEWEST_IMAGES or len(known) < 2:
        return Suspicions(
            rows=np.empty(0, np.int64), proposed=np.empty(0, np.int64), confidence=np.empty(0)
        )
    given = np.searchsorted(known, labels[judged])
    scores = _scores(features[judged], given, len(known), fold=fold)
    chances = _probabilities(scores, given, seed=seed)
    suspects, likely, convincing = _suspects(chances, given)
    doubt = 1 - chances[suspects, given[suspects]]
    order = np.argsort(-doubt, kind="stable")
    return Suspicions(
        rows=judged[suspects[order]],
        proposed=np.where(convincing, known[likely], -1)[order],
        confidence=doubt[order],
    )


def _suspects(
    chances: NDArray[np.float64], given: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Which labels are suspected; for each the likeliest class, and whether it is convincing."""
    everyone = np.arange(len(given))
    own = chances[everyone, given]
    likely = chances.argmax(axis=1)
    others = (1 - chances[everyone, likely]) / (chances.shape[1] - 1)
    floor = float(np.quantile(others, 0.25))
    limit = min(max(SUSPECTED, AGAINST_FLOOR * floor), MOST_SUSPECTED)
    suspects = np.flatnonzero((own < limit) & (likely != given))
    usual = np.array([own[given == label].mean() for label in range(chances.shape[1])])
    convincing = chances[suspects, likely[suspects]] >= usual[likely[suspects]]
    return suspects, likely[suspects], convincing


def _folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], *, folds: int, seed: int
) -> NDArray[np.int64]:
    """[n] the fold of each image: copies together, each class spread evenly."""
    _, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    shuffled = rng_for(seed, Purpose.FOLDS).permutation(len(first))
    dealt = shuffled[np.argsort(labels[first[shuffled]], kind="stable")]
    fold_of_group = np.empty(len(first), dtype=np.int64)
    fold_of_group[dealt] = np.arange(len(first)) % folds
    return fold_of_group[group_of]


def _scores(
    features: Floats, labels: NDArray[np.int64], classes: int, *, fold: NDArray[np.int64]
) -> Floats:
    """[n, K] ridge regression on one-hot labels, each fold by what the others teach."""
    mean, std = features.mean(axis=0), features.std(axis=0) + 1e-6
    size, folds = features.shape[1] + 1, int(fold.max()) + 1
    moments = np.zeros((folds, size, size))
    products = np.zeros((folds, size, classes))

    def standardised(rows: NDArray[np.int64]) -> Floats:
        values = (features[rows] - mean) / std
        return np.concatenate([values, np.ones((len(rows), 1), np.float32)], axis=1)

    members = [np.flatnonzero(fold == number) for number in range(folds)]
    for number, rows in enumerate(members):
        for some in chunks(rows, _CHUNK_SIZE):
            values = standardised(some)
            moments[number] += values.T @ values
            products[number] += values.T @ np.eye(classes, dtype=np.float32)[labels[some]]
    scores = np.empty((len(features), classes), dtype=np.float32)
    for number, rows in enumerate(members):
        moment = moments.sum(axis=0) - moments[number]
        moment += _RIDGE * (len(features) - len(rows)) * np.eye(size)
        weights = np.linalg.solve(moment, products.sum(axis=0) - products[number])
        for some in chunks(rows, _CHUNK_SIZE):
            scores[some] = standardised(some) @ weights.astype(np.float32)
    return scores


def _probabilities(scores: Floats, labels: NDArray[np.int64], *, seed: int) -> NDArray[np.float64]:
    """[n, K] probabilities of the classes, fitted to scores and labels."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    classes = scores.shape[1]
    some = np.arange(len(labels))
    if len(labels) > _CALIBRATED_BY:
        some = rng_for(seed, Purpose.SAMPLE).permutation(len(labels))[:_CALIBRATED_BY]
        # A class without an image among them would have no probability at all.
        _, first = np.unique(labels, return_index=True)
        some = np.union1d(some, first)
    with warnings.catch_warnings():
        # Not quite the best fit orders the labels as well.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = LogisticRegression(C=10, max_iter=200).fit(scores[some], labels[some])
    chances = np.asarray(fitted.predict_proba(scores), dtype=np.float64)
    return chances.reshape(len(labels), classes)


def label_findings(
    samples: Samples, features: Features, *, groups: NDArray[np.int64] | None = None, seed: int = 0
) -> tuple[Finding, ...]:
    """A warning about the labels that are suspected, the most suspicious first.

    Args:
        samples: everything that was found.
        features: of the images that can be used.
        groups: int64 [N], equal for copies, as `copies_together` of
            `nunbit.checks.pixels.near_copies` makes them.
        seed: of the folds.
    """
    labels = samples.labels[features.rows]
    suspicions = suspected_labels(
        features.values,
        labels,
        classes=len(samples.classes),
        groups=None if groups is None else groups[features.rows],
        seed=seed,
    )
    if not len(suspicions):
        return ()
    rows = features.rows[suspicions.rows]
    paths = tuple(samples.paths[row] for row in rows)
    told = [
        _told(samples, int(row), int(proposed), float(confidence))
        for row, proposed, confidence in zip(
            rows, suspicions.proposed, suspicions.confidence, strict=True
        )
    ]
    count = len(rows)
    return (
        Finding(
            kind="suspected-labels",
            severity="warning",
            title=f"{count:,} {'label looks' if count == 1 else 'labels look'} wrong "
            f"({count / len(features):.2%} of the images)",
            count=count,
            examples=tuple(f"{path}: {line}" for path, line in zip(paths, told, strict=True))[
                :EXAMPLES
            ],
            everything=paths,
            groups=alone(rows),
            captions=tuple(told),
            why=_WHY,
            remedy=_REMEDY,
            corrections=tuple(
                _correction(samples, int(row), int(proposed), reason)
                for row, proposed, reason in zip(rows, suspicions.proposed, told, strict=True)
                if samples.parts[row] != "test"
            ),
        ),
    )


def _told(samples: Samples, row: int, proposed: int, confidence: float) -> str:
    rather = f"rather {samples.classes[proposed]}" if proposed >= 0 else "but unclear what"
    # Never 100 %: nothing was proved.
    sure = f"{min(confidence, 0.999):.1%}"
    return f"{sure} not {samples.label_name(row)}, {rather}"


def _correction(samples: Samples, row: int, proposed: int, reason: str) -> Correction:
    if proposed < 0:
        return Correction(
            path=samples.paths[row],
            action="exclude",
            label=samples.label_name(row),
            reason=f"looks mislabelled: {reason}",
        )
    return Correction(
        path=samples.paths[row],
        action="relabel",
        label=samples.label_name(row),
        new_label=samples.classes[proposed],
        reason=f"looks mislabelled: {reason}",
    )
