from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from nunbit.evaluation.intervals import bootstrap, resampled, wilson_interval

Z = 1.959963984540054


def mean_of(values: NDArray[np.float64]) -> object:
    return lambda counts: counts @ values / counts.sum(axis=1)


@pytest.mark.parametrize(("correct", "n"), [(0, 1), (1, 1), (0, 30), (17, 30), (9993, 10000)])
def test_wilson_interval_by_its_formula(correct: int, n: int) -> None:
    p = correct / n
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    assert wilson_interval(correct, n) == pytest.approx((centre - half, centre + half), abs=1e-12)


def test_wilson_interval_needs_images() -> None:
    with pytest.raises(ValueError, match="n must be"):
        wilson_interval(0, 0)


def test_bootstrap_of_a_mean_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).gamma(1.0, size=300)
    ours = bootstrap(mean_of(values), np.ones(300), seed=2, resamples=20_000)
    reference = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(3)
    ).confidence_interval
    assert ours == pytest.approx((reference.low, reference.high), abs=0.003)


@pytest.mark.parametrize("counts", [[5, 900, 95], [1] * 70 + [2] * 15])
def test_cells_are_drawn_as_the_multinomial_distribution_says(counts: list[int]) -> None:
    """Both ways of drawing: few cells for many images, and many cells."""
    n, share = sum(counts), np.array(counts) / sum(counts)
    draws: list[NDArray[np.float64]] = []

    def remember(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        draws.append(drawn)
        return drawn[:, 0]

    resampled(remember, counts, seed=0, resamples=20_000)
    drawn = np.concatenate(draws)
    assert drawn.shape == (20_000, len(counts))
    assert (drawn.sum(axis=1) == n).all()
    np.testing.assert_allclose(drawn.mean(axis=0), n * share, atol=6 * math.sqrt(n / 20_000 / 4))
    np.testing.assert_allclose(drawn.var(axis=0), n * share * (1 - share), rtol=0.1)


def test_the_seed_decides_and_the_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(40.0)
    first = bootstrap(mean_of(values), np.ones(40), seed=5)
    assert bootstrap(mean_of(values), np.ones(40), seed=5) == first
    assert bootstrap(mean_of(values), np.ones(40), seed=6) != first
    monkeypatch.setattr("nunbit.evaluation.intervals.CHUNK_NUMBERS", 900)
    assert bootstrap(mean_of(values), np.ones(40), seed=5) == first


@pytest.mark.parametrize("counts", [[0, 0], [], [-1, 3], [0.5, 1], [[1, 2]]])
def test_what_are_no_counts_is_refused(counts: object) -> None:
    with pytest.raises(ValueError, match=r"no image to draw from|counts are whole numbers"):
        bootstrap(lambda drawn: drawn[:, 0], counts, seed=0)


def test_a_statistic_without_finite_values_is_refused() -> None:
    with pytest.raises(ValueError, match="one finite value for each resample"):
        bootstrap(lambda drawn: np.full(len(drawn), np.nan), [3, 4], seed=0)
    with pytest.raises(ValueError, match="one finite value for each resample"):
        bootstrap(lambda drawn: drawn, [3, 4], seed=0)
