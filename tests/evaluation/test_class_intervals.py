"""Intervals of the per-class numbers, against closed forms and a simulation."""

from __future__ import annotations

import numpy as np
import pytest

from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.metrics import ClassMetrics, evaluate
from nunbit.types import Predictions
from tests.evaluation.cases import names, random_predictions
from tests.evaluation.test_metrics import wilson_by_hand


def test_precision_has_the_interval_of_a_share_of_the_answers() -> None:
    metrics = evaluate(random_predictions(500, 3), names(3))
    for c in metrics.per_class.values():
        assert c.precision_ci95 == pytest.approx(wilson_by_hand(c.correct, c.predicted))
    never = evaluate(random_predictions(20, 3, labels=[1] * 20, skill=60), names(3))
    assert never.per_class["kind 0"].precision_ci95 == (0.0, 1.0)
    assert never.per_class["kind 0"].f1_ci95 == (0.0, 1.0)


def test_the_interval_of_f1_holds_the_f1_and_ends_where_it_is_perfect() -> None:
    metrics = evaluate(random_predictions(500, 3), names(3))
    for c in metrics.per_class.values():
        low, high = c.f1_ci95
        assert 0 < low < c.f1 < high < 1
    perfect = evaluate(random_predictions(50, 2, skill=60), names(2)).per_class["kind 0"]
    assert perfect.f1_ci95[1] == pytest.approx(1)
    assert perfect.f1_ci95[0] < 1


@pytest.mark.parametrize(("n", "found", "false"), [(60, 0.8, 0.1), (200, 0.5, 0.02)])
def test_the_interval_of_f1_covers_the_truth(n: int, found: float, false: float) -> None:
    """Half of the images are of the class; `found` of them and `false` of the others get it."""
    generator = np.random.default_rng(0)
    truth = 2 * found * 0.5 / (0.5 + found * 0.5 + false * 0.5)
    covered = []
    for _ in range(2000):
        of_class = generator.random(n) < 0.5
        answered = generator.random(n) < np.where(of_class, found, false)
        counts = {
            "n": int(of_class.sum()),
            "predicted": int(answered.sum()),
            "correct": int((of_class & answered).sum()),
        }
        low, high = ClassMetrics(**counts).f1_ci95
        covered.append(low <= truth <= high)
    assert 0.93 <= np.mean(covered) <= 0.97


def test_a_class_without_answers_keeps_wilsons_bounds_of_nothing() -> None:
    predictions = Predictions(
        logits=np.array([[1, 0], [1, 0]], dtype=np.float32),
        labels=np.array([0, 1]),
        indices=np.arange(2),
    )
    missed = evaluate(predictions, names(2)).per_class["kind 1"]
    low, high = wilson_interval(0, 1)
    assert missed.f1_ci95 == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))
