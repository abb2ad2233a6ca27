from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
)

from nunbit.errors import TrainingError
from nunbit.evaluation.calibration import reliability
from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.metrics import (
    evaluate,
)
from nunbit.types import Predictions
from tests.evaluation.cases import names, random_predictions

Z = 1.959963984540054


def wilson_by_hand(correct: int, n: int) -> tuple[float, float]:
    p = correct / n
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return centre - half, centre + half


def ece_by_loop(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        inside = [i for i, p in enumerate(probabilities) if low < p.max() <= high]
        if inside:
            confidence = sum(probabilities[i].max() for i in inside) / len(inside)
            accuracy = sum(probabilities[i].argmax() == labels[i] for i in inside) / len(inside)
            total += abs(confidence - accuracy) * len(inside)
    return total / len(probabilities)


@pytest.mark.parametrize(
    ("n", "classes", "labels"),
    [
        (500, 10, None),
        (60, 2, None),
        (2000, 100, None),
        (90, 4, [0, 1, 3] * 30),  # no image of class 2
        (20, 3, [1] * 20),  # images of one class only
        (1, 2, [1]),
    ],
)
def test_numbers_equal_scikit_learn(n: int, classes: int, labels: list[int] | None) -> None:
    predictions = random_predictions(n, classes, labels=labels)
    metrics = evaluate(predictions, names(classes))
    true, predicted = predictions.labels, predictions.logits.argmax(axis=1)
    probabilities = np.exp(predictions.logits.astype(np.float64))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert metrics.n == n
    assert metrics.correct == sum(a == b for a, b in zip(true, predicted, strict=True))
    assert metrics.accuracy == accuracy_score(true, predicted)
    assert metrics.macro_f1 == pytest.approx(f1_score(true, predicted, average="macro"))
    assert metrics.loss == pytest.approx(log_loss(true, probabilities, labels=range(classes)))
    assert metrics.ece == pytest.approx(ece_by_loop(probabilities, true))
    np.testing.assert_array_equal(
        metrics.confusion, confusion_matrix(true, predicted, labels=range(classes))
    )
    expected = precision_recall_fscore_support(
        true, predicted, labels=range(classes), zero_division=0
    )
    for k, name in enumerate(names(classes)):
        c = metrics.per_class[name]
        assert (c.precision, c.recall, c.f1, c.n) == tuple(column[k] for column in expected)


@pytest.mark.parametrize(("correct", "n"), [(0, 5), (5, 5), (1842, 2000), (1, 2), (9999, 10000)])
def test_interval_is_wilsons(correct: int, n: int) -> None:
    low, high = wilson_interval(correct, n)
    assert (low, high) == pytest.approx(wilson_by_hand(correct, n), abs=1e-9)
    assert 0 <= low <= correct / n <= high <= 1


def test_interval_covers_the_truth_in_95_of_100_trials() -> None:
    generator = np.random.default_rng(0)
    drawn = generator.binomial(400, 0.9, size=2000)
    intervals = {int(k): wilson_interval(int(k), 400) for k in set(drawn)}
    covered = np.mean([intervals[int(k)][0] <= 0.9 <= intervals[int(k)][1] for k in drawn])
    assert 0.93 <= covered <= 0.97


def test_recall_interval_of_a_class_without_images_says_nothing() -> None:
    metrics = evaluate(random_predictions(30, 3, labels=[0, 1] * 15), names(3))
    assert metrics.per_class["kind 2"].recall_ci95 == (0.0, 1.0)
    c = metrics.per_class["kind 0"]
    assert c.recall_ci95 == pytest.approx(wilson_by_hand(c.correct, c.n))


def test_calibration_error_puts_edges_into_the_lower_bin() -> None:
    confidence = np.array([0.0, 0.2, 0.2, 1.0])
    correct = np.array([False, True, False, True])
    # bins of width 0.2: {0, 0.2, 0.2} with gap |0.4 - 1| / 3, and {1} without a gap
    assert reliability(confidence, correct, bins=5).error == pytest.approx(0.6 / 4)


def test_summary_block_has_the_keys_of_the_contract_and_is_strict_json() -> None:
    block = evaluate(random_predictions(50, 3, labels=[0, 1] * 25), names(3)).scores.to_dict()
    assert list(block) == [
        "accuracy",
        "accuracy_ci95",
        "macro_f1",
        "macro_f1_ci95",
        "loss",
        "ece",
        "ece_ci95",
        "balanced_accuracy",
        "balanced_accuracy_ci95",
        "matthews_correlation",
        "matthews_correlation_ci95",
        "cohens_kappa",
        "cohens_kappa_ci95",
        "roc_auc",
        "roc_auc_ci95",
        "average_precision",
        "notes",
        "per_class",
    ]
    per_class = block["per_class"]
    assert isinstance(per_class, dict)
    assert list(per_class) == list(names(3))
    assert list(per_class["kind 2"]) == ["precision", "recall", "f1", "n"]
    assert json.loads(json.dumps(block, allow_nan=False)) == block


def test_enormous_logits_give_a_finite_loss() -> None:
    logits = np.array([[3e38, -3e38], [0, 90000]], dtype=np.float32)
    predictions = Predictions(
        logits=logits, labels=np.array([1, 1]), indices=np.arange(2, dtype=np.int64)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert predictions.losses == pytest.approx([6e38, 0], rel=1e-6)
        json.dumps(evaluate(predictions, names(2)).scores.to_dict(), allow_nan=False)


def test_unusable_predictions_are_refused() -> None:
    good = random_predictions(5, 3)
    with pytest.raises(ValueError, match="no predictions to evaluate"):
        evaluate(good.subset(np.array([], dtype=np.int64)), names(3))
    with pytest.raises(ValueError, match="3 outputs do not fit 4 class names"):
        evaluate(good, names(4))
    unknown = Predictions(
        logits=good.logits, labels=np.array([0, 1, -1, 0, -1]), indices=good.indices
    )
    with pytest.raises(ValueError, match="2 of 5 predictions have no true class"):
        evaluate(unknown, names(3))
    broken = good.logits.copy()
    broken[3, 1] = np.nan
    with pytest.raises(TrainingError, match="not finite for 1 of 5 images"):
        evaluate(Predictions(logits=broken, labels=good.labels, indices=good.indices), names(3))
