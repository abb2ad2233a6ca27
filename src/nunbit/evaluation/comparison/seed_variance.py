"""Several seeds of one configuration: mean, spread, and the difference of two configurations.

J runs of one configuration, which differ in their seed only; N test images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from nunbit.evaluation.comparison.paired import Difference

Basis = Literal["same images", "same images seed by seed", "other images"]
"""Common ground of two configurations: the test images of all their runs; the test images of
runs with the same seed; or nothing but the data that the parts were drawn from."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A number of J runs; made by `spread`."""

    values: tuple[float, ...]
    mean: float
    sd: float | None
    """Standard deviation of one run, with J - 1; None for one run."""
    ci95: tuple[float, float] | None
    """Student's interval of the mean over seeds; None for one run."""

    @property
    def n(self) -> int:
        """Number of runs."""
        return len(self.values)


@dataclass(frozen=True, kw_only=True)
class SeedDifference:
    """The second configuration's mean accuracy less the first's."""

    difference: Difference
    p_value: float
    basis: Basis
    degrees_of_freedom: float


def spread(values: Sequence[float], *, overlap: float = 0.0) -> Spread:
    """Mean and spread of a number that lies in 0..1, such as an accuracy, over J seeds.

    Args:
        values: one of each run.
        overlap: test images over training images where each seed draws its own parts of the same
            data, else 0. Such parts overlap, so runs resemble each other more than independent
            ones, and the mean is less certain than their spread says: its variance is
            sd^2 (1 / J + overlap) (Nadeau and Bengio 2003, Inference for the Generalization Error).

    Raises ValueError without values.
    """
    if not len(values):
        raise ValueError("no runs to summarise")
    mean = float(np.mean(values))
    if len(values) == 1:
        return Spread(values=(mean,), mean=mean, sd=None, ci95=None)
    sd = float(np.std(values, ddof=1))
    half = t.ppf(0.975, len(values) - 1) * sd * math.sqrt(1 / len(values) + overlap)
    interval = (max(mean - half, 0.0), min(mean + half, 1.0))
    return Spread(values=tuple(map(float, values)), mean=mean, sd=sd, ci95=interval)


def difference_on_same_images(
    first: NDArray[np.bool_], second: NDArray[np.bool_]
) -> SeedDifference:
    """Two configurations whose runs were all tested on the same images.

    Arguments: which images each run gets right, [J, N] with J of at least 2, not the same for both.
    The variance is the sum of that over the seeds of each configuration and that over the images,
    so that the interval holds for other seeds and for other images of the same kind. It is a
    little too wide, because what one seed does to one image counts in both. Degrees of freedom:
    Welch and Satterthwaite.
    """
    image_differences = second.mean(axis=0) - first.mean(axis=0)
    parts = [(runs.mean(axis=1).var(ddof=1) / len(runs), len(runs) - 1) for runs in (first, second)]
    images = len(image_differences)
    if images > 1:
        parts.append((image_differences.var(ddof=1) / images, images - 1))
    return _student(float(image_differences.mean()), parts, basis="same images")


def difference_seed_by_seed(
    first: Sequence[float],
    second: Sequence[float],
    *,
    disagreement: float,
    images: int,
    overlap: float,
) -> SeedDifference:
    """Two configurations with the same J seeds, where both runs of a seed have its test images.

    The corrected resampled t test of Nadeau and Bengio 2003 on the differences. Their variance is
    taken as no smaller than chance in the images makes it: few images give ties, whose variance
    is nothing.

    Args:
        first: accuracy of each run, in the order of the seeds.
        second: the same of the other configuration.
        disagreement: share of the images that only one run of a seed gets right.
        images: test images of a run.
        overlap: as in `spread`.
    """
    differences = np.subtract(second, first)
    seeds, mean = len(differences), float(differences.mean())
    by_chance = max(disagreement - mean**2, 0.0) / images
    variance = max(float(differences.var(ddof=1)), by_chance) * (1 / seeds + overlap)
    return _student(mean, [(variance, seeds - 1)], basis="same images seed by seed")


def difference_on_other_images(
    first: Sequence[float], second: Sequence[float], *, images: int, overlap: float
) -> SeedDifference:
    """Two configurations whose runs have test images of their own: only the spread speaks.

    Arguments as those of `difference_seed_by_seed`. Welch's test; each variance is corrected and
    bounded as there.
    """
    parts = []
    for values in (first, second):
        mean = float(np.mean(values))
        variance = max(float(np.var(values, ddof=1)), mean * (1 - mean) / images)
        parts.append((variance * (1 / len(values) + overlap), len(values) - 1))
    return _student(float(np.mean(second) - np.mean(first)), parts, basis="other images")


def _student(value: float, parts: Sequence[tuple[float, int]], *, basis: Basis) -> SeedDifference:
    """Interval and p value from independent parts of the variance and their degrees of freedom."""
    variance = sum(part for part, _ in parts)
    if variance == 0:  # all runs are alike to the last image
        freedom, half, p_value = math.inf, 0.0, 1.0 if value == 0 else 0.0
    else:
        freedom = variance**2 / sum(part**2 / n for part, n in parts)
        error = math.sqrt(variance)
        half = float(t.ppf(0.975, freedom)) * error
        p_value = float(2 * t.sf(abs(value) / error, freedom))
    return SeedDifference(
        difference=Difference(value=value, ci95=(value - half, value + half)),
        p_value=p_value,
        basis=basis,
        degrees_of_freedom=freedom,
    )
