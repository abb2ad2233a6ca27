"""Evidence: accuracy of simple heads on features, cross-validated, by number of images.

n images, D features, K classes, F folds. Only images that may be trained on come here; the test
part never does.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax

from nunbit.advisor.plans import Z95, CurvePoint, Proportion, proportion
from nunbit.errors import DataError
from nunbit.finetune.logistic import fit_strength, nothing_known
from nunbit.finetune.selection import PLAIN, Examples, HeadObjective
from nunbit.seeds import Purpose, rng_for, sklearn_seed

FOLDS = 5
STRENGTHS = (1.0, 0.1, 0.01, 0.001, 0.0001)
"""L2 penalties tried, on standardised features, against the mean cross entropy of an image."""
ITERATIONS = 100
"""Iterations of L-BFGS for each strength: enough to compare by, fewer than a head to keep would
get."""
MIN_DEVIATION = 1e-6
"""Fraction of the largest: features that vary less are constant, and ignored."""
CURVE_FRACTIONS = (0.125, 0.25, 0.5, 1.0)
"""Fractions of the training images of a fold: each step of the learning curve doubles them."""
MIN_IMAGES_IN_CURVE = 2
"""Images per class below which a point of the learning curve says nothing."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """A linear head on features as they come: logits are `features @ weight.T + bias`."""

    weight: NDArray[np.float32]
    """[K, D]"""
    bias: NDArray[np.float32]
    """[K]"""

    def right(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """[n] whether the most probable class is the true one."""
        logits = features @ self.weight.T + self.bias
        return np.asarray(logits.argmax(axis=1) == labels)


@dataclass(frozen=True, kw_only=True)
class OutOfFold:
    """Answers of heads for images that they were not fitted on."""

    right: NDArray[np.bool_]
    """[n]"""
    strength: float
    """The penalty chosen, one for all folds, by the mean out-of-fold loss."""

    @property
    def accuracy(self) -> Proportion:
        """Fraction of right answers over all folds."""
        return proportion(int(self.right.sum()), len(self.right))


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The learning curve, and what the last doubling of the images brought."""

    points: tuple[CurvePoint, ...]
    last_doubling: Proportion
    """Gain in accuracy, paired image by image; an interval around 0 where there is no curve."""


def stratified_order(labels: NDArray[np.int64], *position: int, seed: int) -> NDArray[np.int64]:
    """[n] positions in an order of which every beginning has the classes in proportion."""
    generator = rng_for(seed, Purpose.SAMPLE, *position)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        ranks = generator.permutation(len(rows))
        place[rows] = (ranks + generator.random()) / len(rows)
    return np.argsort(place, kind="stable").astype(np.int64)


def make_folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], *, seed: int
) -> NDArray[np.int64]:
    """[n] the fold of each image: classes in proportion, groups whole.

    Five folds; fewer where the smallest class has fewer images or groups. Raises DataError where
    not even two are possible.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # a second, of no use to others

    smallest = min(len(np.unique(groups[labels == label])) for label in np.unique(labels))
    count = min(FOLDS, smallest)
    if count < 2:
        raise DataError(
            "a class has too few images to judge pretrained features by cross-validation",
            remedy="give each class at least two training images that are not copies of each "
            "other, or choose a plan yourself: --transfer head",
        )
    splitter = StratifiedGroupKFold(
        n_splits=count, shuffle=True, random_state=sklearn_seed(seed, Purpose.FOLDS)
    )
    folds = np.empty(len(labels), dtype=np.int64)
    with warnings.catch_warnings():
        # Groups across classes may leave a class out of a fold: unequal folds are not a fault here.
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, held_out) in enumerate(splitter.split(labels, labels, groups)):
            folds[held_out] = number
    return folds


def fit_simple_head(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    classes: int,
    strengths: Sequence[float],
    objective: HeadObjective = PLAIN,
) -> tuple[Head, ...]:
    """Multinomial logistic regressions with L2 penalties, one for each strength.

    On features standardised by the given images, which is folded into the head; strengths from
    strong to weak warm-start each other. Deterministic.
    """
    mean, std = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    scale = np.where(std > MIN_DEVIATION * max(1.0, float(std.max(initial=0.0))), std, np.inf)
    train = Examples(
        features=torch.from_numpy(((features - mean) / scale).astype(np.float32)),
        labels=torch.from_numpy(labels),
        objective=objective,
    )
    layer = nothing_known(train, classes)
    heads = []
    for strength in strengths:
        layer = fit_strength(train, strength, layer, max_iterations=ITERATIONS)
        weight = layer[0].double().numpy() / scale
        bias = layer[1].double().numpy() - weight @ mean
        if objective.adjustment is not None:
            bias = bias - objective.adjustment.numpy()
        heads.append(Head(weight=weight.astype(np.float32), bias=bias.astype(np.float32)))
    return tuple(heads)


def cross_validate(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    folds: NDArray[np.int64],
    *,
    classes: int,
) -> OutOfFold:
    """Heads fitted on all folds but one, judged on that one, for every fold."""
    right = np.zeros((len(STRENGTHS), len(labels)), dtype=np.bool_)
    losses = np.zeros(len(STRENGTHS))
    for fold in np.unique(folds):
        held_out = folds == fold
        heads = fit_simple_head(
            features[~held_out], labels[~held_out], classes=classes, strengths=STRENGTHS
        )
        for number, head in enumerate(heads):
            logits = features[held_out] @ head.weight.T + head.bias
            probabilities = softmax(logits.astype(np.float64), axis=1)
            of_truth = probabilities[np.arange(held_out.sum()), labels[held_out]]
            losses[number] -= np.log(np.maximum(of_truth, 1e-12)).sum()
            right[number, held_out] = logits.argmax(axis=1) == labels[held_out]
    best = int(losses.argmin())
    return OutOfFold(right=right[best], strength=STRENGTHS[best])


def learning_curve(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    folds: NDArray[np.int64],
    *,
    classes: int,
    whole: OutOfFold,
    seed: int,
) -> Curve:
    """Accuracy of heads fitted on nested parts of each fold's training images.

    `whole` is `cross_validate` of the same features; its penalty serves all points, and its
    answers are the last point. Fewer images want more penalty, so the strength grows as they
    shrink: it stands against the mean loss of an image.
    """
    trained_on = len(labels) * (1 - 1 / len(np.unique(folds)))
    points: list[tuple[int, NDArray[np.bool_]]] = []
    for part in CURVE_FRACTIONS[:-1]:
        if part * trained_on < MIN_IMAGES_IN_CURVE * classes:
            continue
        right = np.zeros(len(labels), dtype=np.bool_)
        for fold in np.unique(folds):
            held_out = folds == fold
            rows = np.flatnonzero(~held_out)
            order = stratified_order(labels[rows], int(fold), seed=seed)
            rows = rows[order[: max(classes, round(part * len(rows)))]]
            (head,) = fit_simple_head(
                features[rows], labels[rows], classes=classes, strengths=[whole.strength / part]
            )
            right[held_out] = head.right(features[held_out], labels[held_out])
        points.append((round(part * trained_on), right))
    points.append((round(trained_on), whole.right))
    return Curve(
        points=tuple(
            CurvePoint(images=images, accuracy=proportion(int(right.sum()), len(right)))
            for images, right in points
        ),
        last_doubling=gain(points[-2][1], points[-1][1]) if len(points) > 1 else NOTHING_KNOWN,
    )


NOTHING_KNOWN = Proportion(estimate=0.0, low=-1.0, high=1.0)
"""A difference of which nothing is known."""


def gain(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Proportion:
    """Difference in accuracy on the same images [n], with the interval of paired proportions.

    Its variance comes from the images on which the two disagree, each counted once more than it
    was seen, so that few images do not look certain (Agresti and Min 2005).
    """
    n = len(before)
    won, lost = int((after & ~before).sum()), int((before & ~after).sum())
    estimate = (won - lost) / n
    smooth = (won - lost) / (n + 2)
    variance = (won + lost + 1) / (n + 2) ** 2 - smooth**2 / (n + 2)
    half = Z95 * float(np.sqrt(max(0.0, variance)))
    return Proportion(estimate=estimate, low=smooth - half, high=smooth + half)
