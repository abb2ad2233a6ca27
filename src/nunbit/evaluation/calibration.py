"""Can the confidence be trusted? Reliability, the calibration error and the temperature.

N images, K classes, B bins. The confidence is the probability of the top answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.calibration_interval import calibration_error_interval
from nunbit.types import Predictions

CALIBRATION_BINS = 15
"""Number of equal-width bins of the expected calibration error, as in Guo et al. 2017."""
MIN_IMAGES, MIN_WRONG = 100, 5
"""Minimum of images and of mistakes that a temperature is fitted on. Without a single wrong answer,
the best fit has no doubt at all: a temperature of 0."""
COLDEST, WARMEST = 0.1, 10.0
"""Temperatures beyond these are not given, however the validation images would like them."""


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Confidence against accuracy, in B bins of equal width over 0..1."""

    counts: NDArray[np.int64]
    """[B] images whose confidence falls into the bin: above its lower edge, up to its upper."""
    confidence: NDArray[np.float64]
    """[B] mean confidence; 0 in a bin without images."""
    accuracy: NDArray[np.float64]
    """[B] fraction of right answers; 0 in a bin without images."""

    @cached_property
    def error(self) -> float:
        """Expected calibration error: mean gap over the bins, weighted by their counts.

        Source: Guo et al. 2017, On Calibration of Modern Neural Networks, equation 3.
        """
        gaps = np.abs(self.confidence - self.accuracy)
        return float(self.counts @ gaps / self.counts.sum())

    @cached_property
    def error_ci95(self) -> tuple[float, float]:
        """The error's 95 % interval; see `calibration_error_interval`."""
        counts = self.counts.astype(np.float64)
        return calibration_error_interval(counts, self.confidence, self.accuracy)


def reliability_of(predictions: Predictions, *, bins: int = CALIBRATION_BINS) -> Reliability:
    """The reliability of predictions whose true classes are known; raises as `reliability`."""
    right = predictions.predicted == predictions.labels
    return reliability(predictions.probabilities.max(axis=1), right, bins=bins)


def reliability(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], *, bins: int = CALIBRATION_BINS
) -> Reliability:
    """The bins of N images with `confidence` [N] in 0..1, `correct` [N] or not.

    Raises ValueError if there is no image.
    """
    if not len(confidence):
        raise ValueError("no images to judge the confidence by")
    edges = np.linspace(0, 1, bins + 1)
    # A bin holds its upper edge, the first also 0.
    bin_of = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    divisor = np.maximum(counts, 1)
    return Reliability(
        counts=counts.astype(np.int64),
        confidence=np.bincount(bin_of, weights=confidence, minlength=bins) / divisor,
        accuracy=np.bincount(bin_of, weights=correct, minlength=bins) / divisor,
    )


def fit_temperature(predictions: Predictions) -> float:
    """The temperature with the smallest cross entropy, between `COLDEST` and `WARMEST`.

    Source: Guo et al. 2017, section 4.2. The cross entropy is convex in 1 / temperature: where
    its slope is zero, it is smallest. Never worse than 1 on these predictions; 1 where
    `why_no_temperature` has a reason.
    """
    if why_no_temperature(predictions):
        return 1.0
    from scipy.optimize import brentq  # not needed to use or evaluate a model

    logits = predictions.logits.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    true = logits[np.arange(len(logits)), predictions.labels]

    def slope(log_coldness: float) -> float:
        weights = np.exp(logits * np.exp(log_coldness))
        expected = np.einsum("nk,nk->n", weights, logits) / weights.sum(axis=1)
        return float(expected.mean() - true.mean())

    if slope(-np.log(COLDEST)) <= 0:
        return COLDEST
    if slope(-np.log(WARMEST)) >= 0:
        return WARMEST
    found = float(np.exp(-brentq(slope, -np.log(WARMEST), -np.log(COLDEST), xtol=1e-8)))
    return round(found, 4)  # so that a network's rounding on another machine does not show


def why_no_temperature(predictions: Predictions) -> str:
    """Reason why these images are too few to fit a temperature; '' if they are enough."""
    n, wrong = len(predictions), int((predictions.predicted != predictions.labels).sum())
    if n < MIN_IMAGES:
        images = "1 validation image is" if n == 1 else f"{n:,} validation images are"
        return f"{images} fewer than the {MIN_IMAGES} that it takes"
    if wrong < MIN_WRONG:
        answers = "1 wrong answer" if wrong == 1 else f"{wrong} wrong answers"
        are = "is" if wrong == 1 else "are"
        return f"{answers} on the validation part {are} fewer than the {MIN_WRONG} that it takes"
    return ""
