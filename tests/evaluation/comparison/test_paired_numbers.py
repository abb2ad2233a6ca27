"""Paired differences of balanced accuracy, Matthews, kappa, AUC and average precision."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    matthews_corrcoef,
    roc_auc_score,
)

from nunbit.evaluation.comparison.paired import PairedPredictions
from nunbit.evaluation.comparison.paired_numbers import paired_numbers

NAMES = {
    "balanced_accuracy",
    "matthews_correlation",
    "cohens_kappa",
    "roc_auc",
    "average_precision",
}


def drawn(
    sizes: tuple[int, ...], *, seed: int, skills: tuple[float, float] = (1.2, 1.6)
) -> tuple[PairedPredictions, PairedPredictions]:
    """Two models whose errors are correlated: they share half of the noise of the logits."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    shape = (len(labels), len(sizes))
    shared = generator.normal(size=shape)
    models = []
    for skill in skills:
        noise = (shared + generator.normal(size=shape)) / np.sqrt(2)
        logits = noise + skill * np.eye(len(sizes))[labels]
        odds = np.exp(logits)
        probabilities = odds / odds.sum(axis=1, keepdims=True)
        models.append(
            PairedPredictions(
                labels=labels,
                predicted=probabilities.argmax(axis=1),
                probabilities=probabilities,
                losses=-np.log(probabilities[np.arange(len(labels)), labels]),
            )
        )
    return models[0], models[1]


def test_differences_are_those_of_scikit_learns_numbers() -> None:
    pair = drawn((60, 50, 90), seed=1)
    found = paired_numbers(*pair)
    assert set(found) == NAMES
    for name, call in {
        "balanced_accuracy": lambda m: balanced_accuracy_score(m.labels, m.predicted),
        "matthews_correlation": lambda m: matthews_corrcoef(m.labels, m.predicted),
        "cohens_kappa": lambda m: cohen_kappa_score(m.labels, m.predicted),
        "roc_auc": lambda m: roc_auc_score(m.labels, m.probabilities, multi_class="ovr"),
        "average_precision": lambda m: average_precision_score(m.labels, m.probabilities),
    }.items():
        assert found[name].value == pytest.approx(call(pair[1]) - call(pair[0])), name
        interval = found[name].ci95
        assert interval is not None
        assert interval[0] < found[name].value < interval[1]


@pytest.mark.parametrize(
    ("sizes", "skills", "samples"),
    [
        ((50, 60, 120), (1.2, 1.6), 200),
        pytest.param((50, 60, 200), (1.2, 1.6), 2000, marks=pytest.mark.slow),
        pytest.param((60, 120), (0.6, 1.0), 2000, marks=pytest.mark.slow),
    ],
)
def test_intervals_hold_in_93_to_97_of_100_samples(
    sizes: tuple[int, ...], skills: tuple[float, float], samples: int
) -> None:
    whole = paired_numbers(*drawn(tuple(400 * n for n in sizes), seed=0, skills=skills))
    held, given = dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0)
    for seed in range(1, samples + 1):
        for name, found in paired_numbers(*drawn(sizes, seed=seed, skills=skills)).items():
            if found.ci95 is not None:
                given[name] += 1
                held[name] += found.ci95[0] <= whole[name].value <= found.ci95[1]
    for name, times in held.items():
        assert given[name] > 0.9 * samples, name
        error = 2.5 * (0.05 * 0.95 / given[name]) ** 0.5
        assert 0.93 - error <= times / given[name] <= 0.97 + error, name


def test_the_same_answers_differ_by_nothing_within_an_interval_that_is_no_point() -> None:
    first, _ = drawn((60, 50, 90), seed=1)
    for name in ("balanced_accuracy", "matthews_correlation", "cohens_kappa"):
        found = paired_numbers(first, first)[name]
        assert found.value == 0
        assert found.ci95 is not None
        assert found.ci95[0] < 0 < found.ci95[1]


def test_few_images_of_a_class_leave_the_intervals_out() -> None:
    found = paired_numbers(*drawn((5, 60, 90), seed=2))
    assert set(found) == NAMES
    assert all(number.ci95 is None for number in found.values())


def test_what_cannot_be_computed_is_left_out() -> None:
    first, second = drawn((40, 40), seed=3)
    constant = PairedPredictions(
        labels=first.labels,
        predicted=np.zeros(80, dtype=np.int64),
        probabilities=first.probabilities,
        losses=first.losses,
    )
    assert "matthews_correlation" not in paired_numbers(constant, second)
