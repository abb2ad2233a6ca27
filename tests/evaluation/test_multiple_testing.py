from __future__ import annotations

import pytest

from nunbit.evaluation.multiple_testing import holm


def plain_holm(p_values: list[float]) -> list[float]:
    """Holm's procedure as his paper tells it: step down, never below the step before."""
    ranked = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, largest = [0.0] * len(p_values), 0.0
    for step, i in enumerate(ranked):
        largest = max(largest, min(1.0, p_values[i] * (len(p_values) - step)))
        corrected[i] = largest
    return corrected


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.2], [0.2]),
        ([], []),
    ],
)
def test_several_p_values_are_corrected_as_holm_says(
    p_values: list[float], expected: list[float]
) -> None:
    assert holm(p_values).tolist() == pytest.approx(expected)


def test_a_plain_loop_says_the_same() -> None:
    p_values = [0.01, 0.04, 0.03, 0.005, 0.9]
    assert holm(p_values).tolist() == pytest.approx(plain_holm(p_values))
