from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from nunbit.evaluation.calibration import (
    COLDEST,
    WARMEST,
    fit_temperature,
    reliability,
    reliability_of,
    why_no_temperature,
)
from nunbit.evaluation.metrics import image_losses
from nunbit.types import Predictions
from tests.evaluation.cases import random_predictions


def stretched(n: int, classes: int, scale: float, *, seed: int = 0) -> Predictions:
    plain = random_predictions(n, classes, seed=seed, skill=2.0)
    return replace(plain, logits=plain.logits * np.float32(scale))


def loss(predictions: Predictions, temperature: float) -> float:
    return float(image_losses(predictions.at_temperature(temperature)).mean())


@pytest.mark.parametrize(("classes", "scale"), [(2, 3.0), (10, 0.4), (10, 6.0), (100, 2.0)])
def test_temperature_is_where_a_search_by_value_finds_it(classes: int, scale: float) -> None:
    predictions = stretched(800, classes, scale)
    found = fit_temperature(predictions)
    searched = minimize_scalar(
        lambda t: loss(predictions, t), bounds=(0.05, 20), method="bounded", options={"xatol": 1e-6}
    )
    assert found == pytest.approx(searched.x, rel=1e-3)
    assert loss(predictions, found) <= min(loss(predictions, 1.0), searched.fun + 1e-12)


def test_stretched_logits_need_a_temperature_stretched_alike() -> None:
    plain = fit_temperature(stretched(800, 10, 1.0))
    assert fit_temperature(stretched(800, 10, 4.0)) == pytest.approx(4 * plain, rel=1e-5)


def test_temperature_stays_within_bounds_and_is_never_worse_than_none() -> None:
    for scale, bound in ((0.01, COLDEST), (200.0, WARMEST)):
        predictions = stretched(300, 3, scale)
        assert fit_temperature(predictions) == bound
        assert loss(predictions, bound) < loss(predictions, 1.0)


def test_too_few_images_or_mistakes_give_no_temperature() -> None:
    few = stretched(99, 3, 5.0)
    assert fit_temperature(few) == 1.0
    assert why_no_temperature(few) == "99 validation images are fewer than the 100 that it takes"
    labels = np.arange(200) % 3
    logits = 5 * np.eye(3, dtype=np.float32)[labels]
    logits[:4] = logits[1:5]  # 4 wrong answers
    right = Predictions(logits=logits, labels=labels, indices=np.arange(200))
    assert fit_temperature(right) == 1.0
    assert why_no_temperature(right).startswith("4 wrong answers on the validation part are fewer")
    assert not why_no_temperature(stretched(100, 3, 5.0))


def test_the_temperature_of_predictions_reaches_every_number_and_no_answer() -> None:
    predictions = stretched(300, 5, 3.0)
    warm = predictions.at_temperature(2.5)
    logits = predictions.logits.astype(np.float64) / 2.5
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(warm.probabilities, expected, rtol=1e-12)
    np.testing.assert_allclose(np.exp(warm.log_probabilities), expected, rtol=1e-12)
    np.testing.assert_array_equal(warm.predicted, predictions.predicted)
    assert image_losses(warm).mean() == pytest.approx(log_loss(warm.labels, expected))
    some = np.arange(7)
    np.testing.assert_array_equal(warm.subset(some).probabilities, warm.probabilities[:7])


def test_reliability_agrees_with_scikit_learn() -> None:
    predictions = stretched(2000, 4, 1.5)
    found = reliability_of(predictions)
    right = predictions.predicted == predictions.labels
    sure = predictions.probabilities.max(axis=1)
    accuracy, confidence = calibration_curve(right, sure, n_bins=15)
    filled = found.counts > 0
    np.testing.assert_allclose(found.accuracy[filled], accuracy)
    np.testing.assert_allclose(found.confidence[filled], confidence)
    assert found.counts.sum() == 2000


@pytest.mark.parametrize("n", [3, 30, 3000])
def test_interval_of_an_answer_that_is_always_certain_and_right(n: int) -> None:
    low, high = reliability(np.ones(n), np.ones(n, dtype=bool)).error_ci95
    assert low == 0
    assert 1 / n < high < min(6 / n, 1) + 1e-9  # the rule of three, and a little more


def test_interval_of_an_answer_that_is_always_certain_and_wrong() -> None:
    found = reliability(np.ones(500), np.zeros(500, dtype=bool))
    assert found.error == 1
    low, high = found.error_ci95
    assert 0.98 < low <= high == 1


def test_a_large_error_among_many_images_is_known_well() -> None:
    generator = np.random.default_rng(0)
    confidence = np.full(20_000, 0.9)
    low, high = reliability(confidence, generator.random(20_000) < 0.7).error_ci95
    assert 0.19 < low < 0.2 < high < 0.21  # a proportion's interval: 0.0064 to either side


def test_no_images_have_no_reliability() -> None:
    with pytest.raises(ValueError, match="no images to judge the confidence by"):
        reliability(np.zeros(0), np.zeros(0, dtype=bool))
