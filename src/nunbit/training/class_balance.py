"""Weights of classes, balanced sampling and logit adjustment: levers for rare classes.

Each changes the class frequencies that a network answers for, by a factor that is known; so the
answers can be brought back to the frequencies of the data. N images, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nunbit.errors import UsageError
from nunbit.formatting import quoted
from nunbit.suggest import suggest
from nunbit.types import ClassNames

ClassWeights: TypeAlias = Literal["none", "balanced"] | Mapping[str, float]
"""`none`, `balanced`, or a weight for each named class; the others have 1."""


@dataclass(frozen=True, kw_only=True)
class ClassBalance:
    """The balance of the classes of a training part."""

    frequencies: NDArray[np.float64]
    """[K] fraction of the training images; of a class without images, as if it had one."""
    weights: NDArray[np.float64] | None = None
    """[K] of a class's loss, 1 in the mean of the images that a batch draws from."""
    balanced_sampling: bool = False
    """True if batches show every class equally often."""
    logit_adjustment: float = 0.0
    """Times the logarithm of the frequencies, which is added to the logits within the loss."""

    @property
    def adjustment(self) -> NDArray[np.float64] | None:
        """[K] what the loss adds to the logits; None for nothing.

        Source: Menon et al. 2021, "Long-tail learning via logit adjustment", equation 10.
        """
        if not self.logit_adjustment:
            return None
        return np.multiply(self.logit_adjustment, np.log(self.frequencies))

    @property
    def factors(self) -> NDArray[np.float64] | None:
        """[K] by which an image counts more than without weights and sampling; 1 in the mean.

        What a head on features, which sees all images at once, weighs them with: showing an image
        twice is weighing it twice. None where all are 1.
        """
        if self.weights is None and not self.balanced_sampling:
            return None
        factors = np.ones(len(self.frequencies)) if self.weights is None else self.weights.copy()
        if self.balanced_sampling:
            factors /= self.frequencies
        return np.divide(factors, np.dot(self.frequencies, factors))

    @property
    def correction(self) -> NDArray[np.float64]:
        """[K] to add to the logits, so that they answer at the frequencies of the data; mean 0.

        A network trained on images of class k that count w_k times as much answers
        p'(k | x) ~ w_k p(k | x): subtracting log w_k undoes it. Sources: Saerens et al. 2002,
        "Adjusting the outputs of a classifier to new a priori probabilities", equation 2.4; Elkan
        2001, "The foundations of cost-sensitive learning", theorem 2. An adjusted logit misses
        what the loss added, which is added again.
        """
        shift: NDArray[np.float64] = np.zeros(len(self.frequencies))
        if (factors := self.factors) is not None:
            shift -= np.log(factors)
        if (adjustment := self.adjustment) is not None:
            shift += adjustment
        mean: float = shift.mean()
        shift -= mean
        return shift


def class_balance(
    labels: NDArray[np.int64],
    classes: ClassNames,
    *,
    class_weights: ClassWeights = "none",
    balanced_sampling: bool = False,
    logit_adjustment: float = 0.0,
) -> ClassBalance | None:
    """The balance of a training part; None where every image counts the same.

    Args:
        labels: [N] class of each training image.
        classes: [K] names.
        class_weights: `none`; `balanced`, N / (K n_k) as scikit-learn has it; or weights by name.
        balanced_sampling: whether batches show every class equally often.
        logit_adjustment: 0 for none; 1 makes the answers those for equally frequent classes.

    Raises:
        UsageError: when a weight names no class.
    """
    if class_weights == "none" and not balanced_sampling and not logit_adjustment:
        return None
    counts = np.bincount(labels, minlength=len(classes))
    frequencies = np.maximum(counts, 1) / counts.sum()
    weights = None
    if class_weights != "none":
        # Of images as they are drawn the mean is 1: the learning rate keeps its meaning.
        drawn = (counts > 0) / (counts > 0).sum() if balanced_sampling else counts / counts.sum()
        weights = _named(class_weights, classes, frequencies)
        weights = weights / float(drawn @ weights)
    return ClassBalance(
        frequencies=frequencies,
        weights=weights,
        balanced_sampling=balanced_sampling,
        logit_adjustment=logit_adjustment,
    )


def _named(
    class_weights: ClassWeights, classes: ClassNames, frequencies: NDArray[np.float64]
) -> NDArray[np.float64]:
    if isinstance(class_weights, str):
        return np.asarray(1 / frequencies, np.float64)
    if unknown := [name for name in class_weights if name not in classes]:
        raise UsageError(
            f"training.class_weights names {quoted(unknown[0])}, which is not a class",
            remedy=suggest(unknown[0], classes, rest=f"the classes are {', '.join(classes[:20])}"),
        )
    return np.array([class_weights.get(name, 1.0) for name in classes])
