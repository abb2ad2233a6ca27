"""Label probabilities: scores of the classes become probabilities that hold on average.

Two logistic regressions, by how many images there are for what is to be fitted. A full one learns
which classes are alike: K x K coefficients. Where classes are many and their images few it would
learn the labels by heart (with 100 classes of 100 images it finds 24 to 48 % of the wrong labels,
one slope 89 to 94 %), so that only one slope is fitted, common to all classes:

    logit of class k = log of its frequency + slope * (its score - its mean score)

Slope 0 is a classifier that knows nothing but the frequencies of the classes.

n images, K classes, B images in a chunk.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

IMAGES_FOR_A_COEFFICIENT = 20
"""The full regression is fitted with at least so many images for each of K x K coefficients. Held
out labels of digits (18) and of 1,000 images of Fashion-MNIST (10) are predicted better by the one
slope, those of 2,000 and 4,000 images of Fashion-MNIST (20 and 40) by the full regression."""
MAX_ITERATIONS = 1_000
"""Scaled scores take 10 to 70."""
MAX_SLOPE = 100.0
"""Of scores scaled to standard deviation 1; reached where all images are separated."""

Probabilities: TypeAlias = Callable[[Floats], Doubles]
"""From scores [B, K] to probabilities [B, K]."""


@dataclass(frozen=True, kw_only=True)
class SharedSlope:
    """The regression with one slope."""

    slope: float
    centre: Floats
    """[K] mean score of each class."""
    frequencies: Floats
    """[K]"""
    gain: float
    """By how much the logarithm of the likelihood of the labels exceeds that of slope 0, summed
    over the images that it was fitted to; never negative."""

    def __call__(self, scores: Floats) -> Doubles:
        """[B, K] to [B, K]."""
        return _softmax(self._logits(scores))

    def _logits(self, scores: Floats) -> Doubles:
        logits = np.subtract(scores, self.centre, dtype=np.float64)
        logits *= self.slope
        logits += np.log(self.frequencies)
        return logits


def fit_shared_slope(scores: Floats, labels: NDArray[np.int64], frequencies: Floats) -> SharedSlope:
    """Fit to scores [n, K], labels [n] and the frequencies of all classes [K], none of them 0.

    The likelihood is concave in the slope, so that its derivative has one root at most.
    """
    from scipy.optimize import brentq

    centre = scores.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = scores - centre
    scale = float(centred.std()) or 1.0
    everyone = np.arange(len(labels))
    own = centred[everyone, labels].mean(dtype=np.float64)

    def fitted(slope: float) -> SharedSlope:
        return SharedSlope(slope=slope / scale, centre=centre, frequencies=frequencies, gain=0.0)

    def falling(slope: float) -> float:
        """Expected less observed score of the label: the derivative of the mean loss."""
        expected = np.einsum("nk,nk->n", fitted(slope)(scores), centred).mean()
        return float(expected - own)

    if falling(0.0) >= 0:
        return fitted(0.0)
    high = 1.0
    while high < MAX_SLOPE and falling(high) < 0:
        high *= 2
    slope = brentq(falling, 0.0, high, xtol=1e-3, rtol=1e-3) if falling(high) > 0 else high
    found = fitted(slope)
    with np.errstate(divide="ignore"):
        chosen = np.log(found(scores)[everyone, labels])
    gain = float((chosen - np.log(frequencies[labels])).sum())
    return replace(found, gain=max(gain, 0.0))


def fit_full_regression(scores: Floats, labels: NDArray[np.int64]) -> Probabilities | None:
    """Fit K x K coefficients to scores [n, K] and labels [n], every class among them.

    None where the fit did not converge.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # On raw scores, which differ by 1 / K, the first step would already look like the last.
    mean, std = scores.mean(axis=0), scores.std(axis=0) + 1e-12
    regression = LogisticRegression(C=10, max_iter=MAX_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # seen by the number of iterations
        regression.fit((scores - mean) / std, labels)
    if regression.n_iter_.max() >= MAX_ITERATIONS:
        return None

    def probabilities(some: Floats) -> Doubles:
        return np.asarray(regression.predict_proba((some - mean) / std), dtype=np.float64)

    return probabilities


def _softmax(logits: Doubles) -> Doubles:
    """[B, K] to [B, K], in place."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
