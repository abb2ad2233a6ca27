"""Macro F1, and how it responds to each image.

K classes. The F1 of a class is 2 x right / (its images + answers with it).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """Mean F1, from [K, K] counts, of the classes that occur among the labels or the answers.

    As in scikit-learn. Raises ValueError if there is no image.
    """
    sizes = f1_sizes(confusion)
    occurs = sizes > 0
    if not occurs.any():
        raise ValueError("n must be positive: there is no image")
    return float((2 * np.diag(confusion)[occurs] / sizes[occurs]).mean())


def macro_f1_influence(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Influence on macro F1 of an image of each true class and answer, [K, K].

    The first derivative of macro F1 by the weight of one image, on which Takahashi et al. 2022
    ("Confidence interval for micro-averaged F1 and macro-averaged F1 scores") build its variance.
    """
    sizes = f1_sizes(confusion)
    divisor = np.where(sizes > 0, sizes, 1).astype(np.float64)
    f1 = 2 * np.diag(confusion) / divisor
    response = (2 * np.eye(len(confusion)) - f1[:, None]) / divisor[:, None]
    response -= (f1 / divisor)[None, :]
    return np.asarray(response / max(int((sizes > 0).sum()), 1))


def f1_sizes(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    """Images of each class plus answers with it, [K]: the denominator of F1."""
    # A right answer is in both sums.
    return np.asarray(confusion.sum(axis=0) + confusion.sum(axis=1), dtype=np.int64)
