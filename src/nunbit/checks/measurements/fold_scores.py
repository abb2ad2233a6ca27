"""Scores of the classes for every image, by a classifier that has not seen the image.

A linear classifier on features is fitted by ridge regression on all folds but one, and judges that
one. It cannot learn single wrong labels by heart and needs neither tuning nor time; on 8,000 images
of Fashion-MNIST with 2 % of wrong labels it ranks them better than a network with a hidden layer
that predicts the other images better.

n images, D features, K classes, F folds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from nunbit.chunks import chunks
from nunbit.seeds import Purpose, rng_for

Floats = NDArray[np.float32]

RIDGE = 2.0
"""Strength of the ridge, by the image that teaches; features have variance 1. Between 1 and 3 wrong
labels are ranked best or nearly so, with 20 to 3,000 images a class. A weaker one predicts labels
better where images are many, but has learned wrong labels where they are few."""
CHUNK_SIZE = 8_192
"""Images that are standardised at once."""


@dataclass(frozen=True, kw_only=True)
class FoldScores:
    """A ridge regression of the labels on the features for each fold, fitted to all others.

    The scores of all images and classes, [n, K], would not fit into memory where both are many, so
    they are computed for the rows that are asked for.
    """

    features: Floats
    """[n, D]"""
    fold: NDArray[np.int64]
    """[n]"""
    mean: Floats
    """[D]"""
    std: Floats
    """[D]"""
    weights: Floats
    """[F, D + 1, K]"""

    def of(self, rows: NDArray[np.int64]) -> Floats:
        """[len(rows), K]: about 1 for the class of an image, 0 for others, if all is plain."""
        scores = np.empty((len(rows), self.weights.shape[2]), dtype=np.float32)
        fold = self.fold[rows]
        for number, weights in enumerate(self.weights):
            places = np.flatnonzero(fold == number)
            if len(places):
                values = _standardised(self.features[rows[places]], self.mean, self.std)
                scores[places] = values @ weights
        return scores


def fit_fold_scores(
    features: Floats, labels: NDArray[np.int64], classes: int, *, fold: NDArray[np.int64]
) -> FoldScores:
    """Fit to features [n, D], labels [n] of 0 to `classes` - 1, and the fold of each image [n]."""
    mean, std = features.mean(axis=0), features.std(axis=0) + 1e-6
    size, folds = features.shape[1] + 1, int(fold.max()) + 1
    moments = np.zeros((folds, size, size))
    products = np.zeros((folds, size, classes))
    for number in range(folds):
        for rows in chunks(np.flatnonzero(fold == number), CHUNK_SIZE):
            values = _standardised(features[rows], mean, std)
            moments[number] += values.T @ values
            products[number] += _sums_by_class(values, labels[rows], classes).T
    moment_of_all, product_of_all = moments.sum(axis=0), products.sum(axis=0)
    weights = np.empty((folds, size, classes), dtype=np.float32)
    for number in range(folds):
        teaching = int((fold != number).sum())
        moment = moment_of_all - moments[number] + RIDGE * teaching * np.eye(size)
        weights[number] = np.linalg.solve(moment, product_of_all - products[number])
    return FoldScores(features=features, fold=fold, mean=mean, std=std, weights=weights)


def deal_folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], *, folds: int, seed: int
) -> NDArray[np.int64]:
    """[n] the fold of each image: groups [n] whole, each class spread evenly."""
    _, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    shuffled = rng_for(seed, Purpose.FOLDS).permutation(len(first))
    dealt = shuffled[np.argsort(labels[first[shuffled]], kind="stable")]
    fold_of_group = np.empty(len(first), dtype=np.int64)
    fold_of_group[dealt] = np.arange(len(first)) % folds
    return fold_of_group[group_of]


def _standardised(features: Floats, mean: Floats, std: Floats) -> Floats:
    """[m, D] to [m, D + 1], the last column 1."""
    ones = np.ones((len(features), 1), np.float32)
    return np.concatenate([(features - mean) / std, ones], axis=1, dtype=np.float32)


def _sums_by_class(values: Floats, labels: NDArray[np.int64], classes: int) -> Floats:
    """[m, D + 1] to [K, D + 1]: a product with the one-hot labels, which are nearly all 0."""
    members = np.arange(len(labels))
    one_hot = csr_array(
        (np.ones(len(labels), np.float32), (labels, members)), (classes, len(labels))
    )
    return np.asarray(one_hot @ values)
