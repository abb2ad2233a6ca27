from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, hypergeom

from nunbit.chances import at_least_drawn, at_least_of, at_most_drawn


@pytest.mark.parametrize(
    ("successes", "trials", "chance"), [(0, 5, 0.3), (5, 5, 0.3), (9, 12, 0.5)]
)
def test_the_binomial_tail_is_that_of_the_exact_test(
    successes: int, trials: int, chance: float
) -> None:
    expected = binomtest(successes, trials, chance, alternative="greater").pvalue
    assert at_least_of(successes, trials, chance) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("total", "marked", "drawn"),
    [(10, 4, 5), (10, 9, 5), (7, 0, 3), (7, 7, 3), (20_000, 18_800, 3000)],
)
def test_both_tails_of_drawing_without_return(total: int, marked: int, drawn: int) -> None:
    middle = drawn * marked // total
    hits = np.unique(np.clip([0, 1, middle - 3, middle, middle + 3, drawn, drawn + 1], 0, None))
    known = hypergeom(total, marked, drawn)
    below = at_most_drawn(hits, total=total, marked=marked, drawn=drawn)
    np.testing.assert_allclose(below, known.cdf(hits), rtol=1e-7, atol=1e-300)
    above = at_least_drawn(hits, total=total, marked=marked, drawn=drawn)
    np.testing.assert_allclose(above, known.sf(hits - 1), rtol=1e-7, atol=1e-300)


def test_each_case_has_numbers_of_its_own() -> None:
    found = at_least_drawn([2, 1], total=10, marked=[4, 3], drawn=[5, 2])
    expected = hypergeom.sf([1, 0], 10, [4, 3], [5, 2])
    np.testing.assert_allclose(found, expected, rtol=1e-10)
