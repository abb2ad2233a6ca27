from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta

from nunbit.evaluation.abstention import (
    TARGETS,
    accuracy_by_coverage,
    answered_at,
    choose_thresholds,
)
from nunbit.evaluation.intervals import wilson_interval
from nunbit.types import Predictions
from tests.evaluation.cases import random_predictions


def two_classes(confidence: Sequence[float], right: Sequence[bool]) -> Predictions:
    """The answer is always class 0, with these confidences."""
    sure = np.asarray(confidence)
    logits = np.stack([np.log(sure / (1 - sure)), np.zeros(len(sure))], axis=1)
    return Predictions(
        logits=logits.astype(np.float32),
        labels=np.where(right, 0, 1).astype(np.int64),
        indices=np.arange(len(sure)),
    )


def skilled(n: int, *, seed: int, skill: float = 3.5) -> Predictions:
    plain = random_predictions(n, 10, seed=seed, skill=skill)
    return replace(plain, logits=plain.logits * np.float32(3))


def threshold_by_loop(predictions: Predictions, target: float) -> float | None:
    confidence = predictions.probabilities.max(axis=1)
    right = predictions.predicted == predictions.labels
    best = None
    for candidate in sorted(set(confidence), reverse=True):
        taken = confidence >= candidate
        n, k = taken.sum(), (taken & right).sum()
        if k and beta.ppf(0.1, k, n - k + 1) >= target:
            best = candidate
    return best


@pytest.mark.parametrize("seed", [0, 1])
def test_thresholds_answer_the_images_that_a_loop_finds(seed: int) -> None:
    predictions = skilled(400, seed=seed)
    confidence = predictions.probabilities.max(axis=1)
    chosen = choose_thresholds(predictions)
    for target in TARGETS:
        lowest = threshold_by_loop(predictions, target)
        if lowest is None:
            assert f"{target:g}" not in chosen
        else:
            threshold = chosen[f"{target:g}"]
            np.testing.assert_array_equal(confidence >= threshold, confidence >= lowest)
    assert chosen  # else nothing was compared


@pytest.mark.parametrize(("n", "reached"), [(44, []), (45, ["0.95"]), (114, ["0.95", "0.98"])])
def test_how_many_answers_without_a_mistake_it_takes(n: int, reached: list[str]) -> None:
    predictions = two_classes(np.linspace(0.6, 0.99, n), [True] * n)
    assert choose_thresholds(predictions) == dict.fromkeys(reached, 0.0)


def test_images_of_one_confidence_are_answered_together() -> None:
    predictions = two_classes([0.9] * 60 + [0.8] * 60, [True] * 60 + [True, False] * 30)
    threshold = choose_thresholds(predictions, (0.95,))["0.95"]
    assert threshold == pytest.approx(0.85)
    answered, correct = accuracy_by_coverage(predictions)
    assert answered.tolist() == [60, 120]
    assert correct.tolist() == [60, 90]


def test_promises_are_kept_in_nine_of_ten_cases() -> None:
    population = skilled(50_000, seed=3, skill=2.8)
    confidence = population.probabilities.max(axis=1)
    right = population.predicted == population.labels
    generator = np.random.default_rng(4)
    broken = dict.fromkeys(TARGETS, 0)
    trials = 300
    for _ in range(trials):
        some = population.subset(generator.integers(len(population), size=800))
        for target in TARGETS:
            threshold = choose_thresholds(some).get(f"{target:g}")
            if threshold is not None and right[confidence >= threshold].mean() < target:
                broken[target] += 1
    assert all(0.04 < count / trials < 0.16 for count in broken.values()), broken


def test_what_a_threshold_does() -> None:
    predictions = two_classes([0.9, 0.8, 0.7, 0.6], [True, False, True, True])
    at = answered_at(predictions, 0.75)
    assert (at.n, at.answered, at.correct, at.coverage, at.accuracy) == (4, 2, 1, 0.5, 0.5)
    assert at.coverage_ci95 == wilson_interval(2, 4)
    assert at.accuracy_ci95 == wilson_interval(1, 2)
    none = answered_at(predictions, 0.95)
    assert (none.answered, none.accuracy, none.accuracy_ci95) == (0, None, None)
    assert none.to_dict()["accuracy_ci95"] is None
