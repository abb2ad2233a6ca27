"""Label probabilities: scores of the classes become probabilities, and wrong labels are expected.

The labels are taken as a mixture: most follow from the image, and a fraction of them was drawn
at random, by the frequencies of the classes, whatever the image shows:

    probability of label y = (1 - noise) * softmax(logits)[y] + noise * frequency of y
    logit of class k       = log of its frequency + slope * z[k] + sum over j of pairs[j, k] * z[j]

where z are the scores, centred and scaled by the slope that is best without noise and pairs. The
likeliest noise, slope and pairs are found together, so that a wrong label neither flattens the
slope nor is learned by heart. That is a noise model of label-noise learning (Mnih and Hinton 2012,
"Learning to label aerial images from noisy data"; Natarajan et al. 2013), with one parameter.

Pairs say which classes are alike, K x K numbers. They are drawn towards 0 by a normal prior: with
few images they stay there, and one slope common to all classes is left.

n images, K classes, B images in a chunk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

PAIRS_STD = 0.3
"""Standard deviation of the prior of the pairs of a class, all K together: times the root of 1 / K
for each. From half to twice of it, wrong labels are ranked nearly as well in digits and
Fashion-MNIST (20 to 3,000 images a class); four times learns them by heart where images are few."""
MAX_PAIRED_CLASSES = 200
"""Number of classes: with more there are no pairs; they would take minutes, and a pair has few
images then."""
MAX_ITERATIONS = 200
"""Iterations of the optimiser; it takes 20 to 110."""
FIRST_NOISE = 0.05
MAX_SLOPE = 100.0
"""Limit for scores scaled to standard deviation 1; reached where all images are separated."""


@dataclass(frozen=True, kw_only=True)
class SharedSlope:
    """The regression with one slope."""

    slope: float
    centre: Floats
    """[K] mean score of each class."""
    frequencies: Floats
    """[K]"""
    gain: float
    """Excess of the logarithm of the labels' likelihood over that of slope 0, summed
    over the images that it was fitted to; never negative."""

    def __call__(self, scores: Floats) -> Doubles:
        """[B, K] to [B, K]."""
        return _softmax(self._logits(scores))

    def scaled(self, scores: Floats) -> Doubles:
        """[B, K] to [B, K]: the logits without the frequencies."""
        logits = np.subtract(scores, self.centre, dtype=np.float64)
        logits *= self.slope
        return logits

    def _logits(self, scores: Floats) -> Doubles:
        logits = self.scaled(scores)
        logits += np.log(self.frequencies)
        return logits


@dataclass(frozen=True, kw_only=True)
class NoisyLabels:
    """The mixture."""

    shared: SharedSlope
    slope: float
    """1 is that of `shared`."""
    pairs: Doubles | None
    """[K, K]; None is 0."""
    noise: float
    """Fraction of the labels that were drawn at random, some of them right by chance; 0..1."""

    def __call__(self, scores: Floats) -> Doubles:
        """[B, K] to [B, K]: probabilities of the classes, whatever the labels say."""
        return _softmax(self._logits(self.shared.scaled(scores)))

    def _logits(self, scaled: Doubles) -> Doubles:
        logits = self.slope * scaled
        if self.pairs is not None:
            logits += scaled @ self.pairs
        logits += np.log(self.shared.frequencies)
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


def fit_noisy_labels(scores: Floats, labels: NDArray[np.int64], shared: SharedSlope) -> NoisyLabels:
    """Fit the mixture to scores [n, K] and labels [n], to which `shared` was fitted."""
    from scipy.optimize import minimize
    from scipy.special import expit

    scaled, frequencies = shared.scaled(scores), shared.frequencies
    everyone, classes = np.arange(len(labels)), scores.shape[1]
    paired, precision = classes <= MAX_PAIRED_CLASSES, classes / PAIRS_STD**2

    def model(numbers: Doubles) -> NoisyLabels:
        pairs = numbers[2:].reshape(classes, classes) if paired else None
        noise = float(expit(numbers[1]))
        return NoisyLabels(shared=shared, slope=float(numbers[0]), pairs=pairs, noise=noise)

    def loss(numbers: Doubles) -> tuple[float, Doubles]:
        """Negative logarithm of the likelihood, and its gradient."""
        found = model(numbers)
        chances = _softmax(found._logits(scaled))
        by_image = (1 - found.noise) * chances[everyone, labels]
        at_random = found.noise * frequencies[labels]
        # The smallest double keeps the logarithm finite where both are 0.
        either = by_image + at_random + np.finfo(float).tiny
        believed = by_image / either
        # The logits learn only from what the mixture believes to follow from the image.
        chances *= believed[:, None]
        chances[everyone, labels] -= believed
        gradient = [np.vdot(chances, scaled), (found.noise - at_random / either).sum()]
        total = -float(np.log(either).sum())
        if found.pairs is None:
            return total, np.array(gradient)
        total += precision * float(np.square(found.pairs).sum()) / 2
        of_pairs = scaled.T @ chances + precision * found.pairs
        return total, np.concatenate([gradient, of_pairs.ravel()])

    first = np.zeros(2 + (classes**2 if paired else 0))
    first[:2] = 1, np.log(FIRST_NOISE / (1 - FIRST_NOISE))
    bounds = [(0, MAX_SLOPE), *[(None, None)] * (len(first) - 1)]
    best = minimize(
        loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": MAX_ITERATIONS}
    )
    return model(best.x)


def _softmax(logits: Doubles) -> Doubles:
    """[B, K] to [B, K], in place."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
