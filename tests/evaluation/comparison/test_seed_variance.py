"""Means and differences over seeds, against scipy and simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from nunbit.evaluation.comparison.seed_variance import (
    difference_on_other_images,
    difference_on_same_images,
    difference_seed_by_seed,
    spread,
)


def test_mean_and_interval_are_student_s() -> None:
    values = [0.91, 0.93, 0.90, 0.94]
    found = spread(values)
    assert (found.n, found.mean) == (4, pytest.approx(0.92))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert found.ci95 == pytest.approx(stats.t.interval(0.95, 3, loc=0.92, scale=stats.sem(values)))


def test_overlapping_parts_make_the_mean_less_certain() -> None:
    plain, corrected = spread([0.80, 0.82, 0.81]), spread([0.80, 0.82, 0.81], overlap=0.25)
    assert plain.ci95 is not None
    assert corrected.ci95 is not None
    widths = [interval[1] - interval[0] for interval in (plain.ci95, corrected.ci95)]
    assert widths[1] / widths[0] == pytest.approx(math.sqrt((1 / 3 + 0.25) * 3))


def test_one_run_has_no_spread_and_no_runs_have_nothing() -> None:
    found = spread([0.9])
    assert (found.mean, found.sd, found.ci95) == (0.9, None, None)
    with pytest.raises(ValueError, match="no runs"):
        spread([])


def test_an_interval_stays_within_what_is_possible() -> None:
    assert spread([0.99, 1.0, 0.97]).ci95[1] == 1.0  # type: ignore[index]


def test_paired_seeds_without_overlap_are_the_paired_t_test() -> None:
    first, second = [0.90, 0.91, 0.92, 0.90], [0.92, 0.92, 0.95, 0.91]
    found = difference_seed_by_seed(first, second, disagreement=0.0, images=1000, overlap=0.0)
    truth = stats.ttest_rel(second, first)
    assert found.p_value == pytest.approx(truth.pvalue)
    assert found.difference.ci95 == pytest.approx(tuple(truth.confidence_interval()))
    assert found.difference.value == pytest.approx(np.mean(second) - np.mean(first))


def test_other_images_without_overlap_are_welch_s_test() -> None:
    first, second = [0.60, 0.71, 0.50, 0.64], [0.72, 0.85, 0.79]
    found = difference_on_other_images(first, second, images=100_000, overlap=0.0)
    truth = stats.ttest_ind(second, first, equal_var=False)
    assert found.p_value == pytest.approx(truth.pvalue)
    assert found.degrees_of_freedom == pytest.approx(truth.df)
    assert found.difference.ci95 == pytest.approx(tuple(truth.confidence_interval()))


def test_ties_of_few_images_are_not_certainty() -> None:
    apart = difference_on_other_images([0.9, 0.9], [0.91, 0.91], images=100, overlap=0.25)
    assert apart.p_value > 0.5
    paired = difference_seed_by_seed(
        [0.9, 0.9], [0.91, 0.91], disagreement=0.05, images=100, overlap=0.25
    )
    assert paired.p_value > 0.5


def test_runs_that_are_all_alike_do_not_differ() -> None:
    same = np.ones((2, 20), dtype=bool)
    found = difference_on_same_images(same, same)
    assert (found.difference.value, found.p_value) == (0.0, 1.0)


@pytest.mark.parametrize(("seeds", "images"), [(3, 200), (5, 1000)])
def test_on_the_same_images_the_truth_for_new_images_and_seeds_is_covered(
    seeds: int, images: int
) -> None:
    """Each image has its difficulty, each seed its skill; the truth is that of very many of both.

    What a seed does to an image counts twice in the variance, so the interval may be too wide.
    """
    rng = np.random.default_rng(seeds)
    many = [
        _chances(skill, rng.normal(size=500_000), rng.normal(size=500_000)).mean()
        for skill in (0.85, 0.88)
    ]
    truth, trials, covered = many[1] - many[0], 800, 0
    for _ in range(trials):
        hardness = rng.normal(size=images)
        runs = []
        for skill in (0.85, 0.88):
            chance = _chances(skill, hardness, rng.normal(size=(seeds, 1)))
            runs.append(rng.random((seeds, images)) < chance)
        low, high = difference_on_same_images(*runs).difference.ci95
        covered += low <= truth <= high
    assert 0.93 <= covered / trials <= 0.995


def _chances(
    skill: float, hardness: NDArray[np.float64], luck: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Chance to be right on an image, of a seed."""
    return np.clip(skill + 0.005 * luck + 0.12 * hardness * (1 - skill / 2), 0, 1)


def test_one_test_image_leaves_the_seeds_to_speak() -> None:
    first, second = np.array([[True], [False]]), np.array([[True], [True]])
    found = difference_on_same_images(first, second)
    assert found.difference.value == 0.5
    assert found.degrees_of_freedom == pytest.approx(1)
    low, high = found.difference.ci95
    assert low < 0 < high
