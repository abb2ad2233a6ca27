"""Two models on the same images: how much better one is, and whether that is more than chance.

N images, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from nunbit.evaluation.comparison.paired_numbers import PairedNumber, paired_numbers
from nunbit.evaluation.f1 import f1_sizes, macro_f1, macro_f1_influence
from nunbit.evaluation.intervals import RESAMPLES, Z, bootstrap
from nunbit.evaluation.metrics import confusion_counts

Better = Literal["first", "second", ""]
"""Name of the better of two; '' where that cannot be known."""
SIGNIFICANCE = 0.05
MAX_DRAWN = 30_000
"""Images for which a mean is resampled: a second or two."""
POWER = 0.8
"""Chance to notice a difference of the size that `images_needed` plans for."""


@dataclass(frozen=True, kw_only=True)
class PairedPredictions:
    """Answers of one model for N images with known classes."""

    labels: NDArray[np.int64]
    """[N] true class."""
    predicted: NDArray[np.int64]
    """[N] class of the answer."""
    probabilities: NDArray[np.float64]
    """[N, K] of each class."""
    losses: NDArray[np.float64]
    """[N] cross entropy in nats."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def right(self) -> NDArray[np.bool_]:
        """[N] whether the answer is the true class."""
        return np.asarray(self.labels == self.predicted)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A number of the second model less that of the first."""

    value: float
    ci95: tuple[float, float]

    @property
    def excludes_zero(self) -> bool:
        """True if the whole interval lies on one side of no difference."""
        return self.ci95[0] > 0 or self.ci95[1] < 0


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two models on the same images; made by `compare_answers`."""

    n: int
    both: int
    """Images that both get right."""
    neither: int
    only_first: int
    only_second: int
    accuracy: Difference
    macro_f1: Difference
    loss: Difference
    """Difference of the mean cross entropy, in nats: below zero where the second is better."""
    numbers: Mapping[str, PairedNumber] = field(default_factory=dict)
    """Differences of further numbers, by the name of the metric."""
    p_value: float
    """Probability of McNemar's mid-p test on the accuracies, without correction for other
    comparisons."""


def compare_answers(first: PairedPredictions, second: PairedPredictions, *, seed: int) -> Pair:
    """Paired numbers of two models on the same images, in the same order.

    The seed is that of the intervals' resampling. Raises ValueError where there is no image, or
    the images have other labels.
    """
    if not len(first) or not np.array_equal(first.labels, second.labels):
        raise ValueError("paired comparisons need the same images with the same labels")
    only_first = int((first.right & ~second.right).sum())
    only_second = int((second.right & ~first.right).sum())
    both = int((first.right & second.right).sum())
    n = len(first)
    return Pair(
        n=n,
        both=both,
        neither=n - both - only_first - only_second,
        only_first=only_first,
        only_second=only_second,
        accuracy=accuracy_difference(only_first, only_second, n, seed=seed),
        macro_f1=macro_f1_difference(first, second),
        loss=mean_difference(second.losses - first.losses, seed=seed),
        numbers=paired_numbers(first, second),
        p_value=mcnemar_mid_p(only_first, only_second),
    )


def better_of(difference: Difference, p_adjusted: float) -> Better:
    """Decide which is better: only if both the corrected test and the interval say so."""
    if p_adjusted >= SIGNIFICANCE or not difference.excludes_zero:
        return ""
    return "second" if difference.value > 0 else "first"


def accuracy_difference(
    only_first: int, only_second: int, n: int, *, seed: int, resamples: int = RESAMPLES
) -> Difference:
    """Difference of two accuracies on the same n images, with a bootstrap interval over the images.

    It follows from the images that only one of both gets right. As few of them would make the
    interval too narrow, and none of them a point, one of each kind is added before images are
    drawn (Bonett and Price 2012, Adjusted Wald Confidence Interval for a Difference of Binomial
    Proportions Based on Paired Data: the same adjustment, with a normal interval).
    """
    cells = (only_first + 1, only_second + 1, n - only_first - only_second)
    interval = bootstrap(
        lambda drawn: (drawn[:, 1] - drawn[:, 0]) / drawn.sum(axis=1),
        cells,
        seed=seed,
        resamples=resamples,
    )
    return Difference(value=(only_second - only_first) / n, ci95=interval)


def mean_difference(
    differences: NDArray[np.float64], *, seed: int, resamples: int = RESAMPLES
) -> Difference:
    """Mean of one difference per image, [N], with a bootstrap interval over the images.

    Of more than `MAX_DRAWN` images it is the normal interval, which the bootstrap then comes to.
    """
    n = len(differences)
    if n > MAX_DRAWN:
        value, half = float(differences.mean()), Z * float(differences.std()) / math.sqrt(n)
        return Difference(value=value, ci95=(value - half, value + half))
    interval = bootstrap(
        lambda drawn: drawn @ differences / n, np.ones(n), seed=seed, resamples=resamples
    )
    return Difference(value=float(differences.mean()), ci95=interval)


def macro_f1_difference(first: PairedPredictions, second: PairedPredictions) -> Difference:
    """Difference of two macro F1 on the same images, with an interval by the delta method.

    Each model's macro F1 responds to each image in a known way (the variance of Takahashi et al.
    2022, Confidence Interval for Micro-averaged F1 and Macro-averaged F1 Scores, is made of these
    responses); the differences of both, image by image, give the variance. To it is added that of
    one image of each kind that only one gets right, as in `accuracy_difference`. A bootstrap over
    the images, tried first, covered the truth in 93 to 95 % of simulated trials, and in 85 % where
    few images told the models apart.
    """
    classes = 1 + max(
        int(numbers.max()) for numbers in (first.labels, first.predicted, second.predicted)
    )
    one, two = (
        confusion_counts(found.labels, found.predicted, classes) for found in (first, second)
    )
    value = macro_f1(two) - macro_f1(one)
    sizes = (f1_sizes(one) + f1_sizes(two)) / 2
    one_more = 2 / (sizes[first.labels] * (sizes > 0).sum())
    response = macro_f1_influence(two)[second.labels, second.predicted]
    response -= macro_f1_influence(one)[first.labels, first.predicted]
    variance = (response**2).sum() + 2 * (one_more**2).mean()
    half = float(norm.ppf(0.975) * math.sqrt(variance))
    return Difference(value=value, ci95=(value - half, value + half))


def mcnemar_mid_p(only_first: int, only_second: int) -> float:
    """Two-sided mid-p value of McNemar's test that both models are right equally often.

    From the counts of images that only one of both gets right. Fagerland, Lydersen and Laake 2013
    (The McNemar test for binary matched-pairs data: mid-p and asymptotic are better than exact
    conditional) recommend it for few and many images alike: the exact test is too cautious, and
    the one with continuity correction even more so.
    """
    n, fewer = only_first + only_second, min(only_first, only_second)
    if only_first == only_second:
        return 1.0
    return float(2 * binom.cdf(fewer, n, 0.5) - binom.pmf(fewer, n, 0.5))


def images_needed(only_first: int, only_second: int, n: int) -> int | None:
    """Test images that would tell a difference of the observed size with 80 % chance.

    For two-sided tests at 5 %, if both models disagree as often as they did on n images (Connor
    1987, Sample Size for Testing Differences in Proportions for the Paired-Sample Design).
    None where no difference was observed: no number of images tells that.
    """
    if only_first == only_second:
        return None
    difference, disagree = (only_second - only_first) / n, (only_first + only_second) / n
    root = norm.ppf(1 - SIGNIFICANCE / 2) * math.sqrt(disagree) + norm.ppf(POWER) * math.sqrt(
        disagree - difference**2
    )
    return int(np.ceil((root / difference) ** 2))


def smallest_noticed(only_first: int, only_second: int, n: int) -> float:
    """The difference of accuracies that n images would tell with 80 % chance.

    The models are taken to disagree as often as they did, or on so many more images as the
    difference itself takes, all of them for the better one.
    """
    disagree = (only_first + only_second) / n
    z_test, z_power = norm.ppf(1 - SIGNIFICANCE / 2), norm.ppf(POWER)
    # The root of Connor's equation for the difference, in closed form: with d the difference,
    # d sqrt(n) - z_test sqrt(p) = z_power sqrt(p - d^2), squared.
    a = n + z_power**2
    b = -2 * z_test * math.sqrt(n * disagree)
    c = (z_test**2 - z_power**2) * disagree
    found = (-b + math.sqrt(b**2 - 4 * a * c)) / (2 * a)
    if found >= disagree:
        # The same equation with p = d, which makes sqrt(d) its root.
        b, c = -2 * z_test * math.sqrt(n), z_test**2 - z_power**2
        found = ((-b + math.sqrt(max(b**2 - 4 * a * c, 0.0))) / (2 * a)) ** 2
    return float(min(found, 1.0))
