"""Do 95 % intervals cover the truth in 93 to 97 of 100 trials? Truths are known by construction."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from nunbit.evaluation.calibration import CALIBRATION_BINS, reliability
from nunbit.evaluation.intervals import bootstrap, macro_f1_interval, wilson_interval

TRIALS = 1500
"""The shares below are then known to 0.6 points (one standard error)."""


def covered(truth: float, intervals: list[tuple[float, float]]) -> float:
    return float(np.mean([low <= truth <= high for low, high in intervals]))


@pytest.mark.parametrize(("truth", "n"), [(0.5, 100), (0.9, 300), (0.97, 2000)])
def test_accuracy(truth: float, n: int) -> None:
    drawn = np.random.default_rng(3).binomial(n, truth, TRIALS)
    known = {k: wilson_interval(int(k), n) for k in np.unique(drawn)}
    assert 0.93 <= covered(truth, [known[k] for k in drawn]) <= 0.97


@pytest.mark.parametrize(
    ("classes", "skill", "n"),
    [
        (2, 0.9, 200),
        (2, 0.98, 1000),
        (10, 0.6, 200),
        (10, 0.9, 1000),
        (10, 0.98, 500),
        (100, 0.9, 5000),
    ],
)
@pytest.mark.parametrize("balanced", [pytest.param(True, marks=pytest.mark.slow), False])
def test_macro_f1(classes: int, skill: float, n: int, balanced: bool) -> None:
    joint = confusion_shares(classes, skill, balanced=balanced)
    truth = float(np.mean(2 * np.diag(joint) / (joint.sum(axis=0) + joint.sum(axis=1))))
    drawn = np.random.default_rng(4).multinomial(n, joint.ravel(), size=TRIALS)
    intervals = [macro_f1_interval(row.reshape(classes, classes)) for row in drawn]
    assert 0.93 <= covered(truth, intervals) <= 0.97


@pytest.mark.parametrize(
    ("classes", "skill", "temperature", "n"),
    [
        (2, 1.0, 1.0, 500),  # calibrated: the truth is 0, the plain estimate never
        pytest.param(10, 2.0, 1.0, 2000, marks=pytest.mark.slow),
        (10, 2.0, 1.1, 1000),  # nearly calibrated
        (10, 3.5, 1.5, 1000),  # too sure
        pytest.param(2, 1.0, 1.5, 5000, marks=pytest.mark.slow),
        (10, 2.0, 0.7, 1000),  # not sure enough
    ],
)
def test_calibration_error(classes: int, skill: float, temperature: float, n: int) -> None:
    confidence, right = confidences(classes, skill, temperature)
    bins = np.ceil(confidence * CALIBRATION_BINS)
    gaps = np.bincount(bins.astype(int), weights=confidence - right)
    truth = float(np.abs(gaps).sum() / len(confidence))
    generator = np.random.default_rng(5)
    intervals = []
    for _ in range(800):
        drawn = generator.integers(len(confidence), size=n)
        correct = generator.random(n) < right[drawn]
        intervals.append(reliability(confidence[drawn], correct).error_ci95)
    assert 0.93 <= covered(truth, intervals) <= 0.97
    if temperature == 1:
        assert truth < 1e-12


def test_bootstrap_of_a_paired_difference() -> None:
    """As of two models' losses on the same images."""
    generator = np.random.default_rng(6)
    intervals = []
    for trial in range(600):
        differences = generator.gamma(1.0, size=200) - generator.gamma(1.0, size=200) + 0.1
        mean = lambda drawn, values=differences: drawn @ values / 200  # noqa: E731
        intervals.append(bootstrap(mean, np.ones(200), seed=trial, resamples=500))
    assert 0.93 <= covered(0.1, intervals) <= 0.97


def confusion_shares(classes: int, skill: float, *, balanced: bool) -> NDArray[np.float64]:
    """Shares [K, K] of true and predicted class; some classes are harder than others."""
    generator = np.random.default_rng(7)
    sizes = np.ones(classes) if balanced else generator.uniform(0.5, 2, classes)
    recall = skill + (1 - skill) * generator.uniform(-0.8, 0.8, classes)
    mistaken = generator.dirichlet(np.full(classes, 0.5), size=classes) + 1e-9
    np.fill_diagonal(mistaken, 0)
    joint = mistaken / mistaken.sum(axis=1, keepdims=True) * (1 - recall)[:, None]
    np.fill_diagonal(joint, recall)
    joint *= sizes[:, None]
    return np.asarray(joint / joint.sum())


@cache
def confidences(
    classes: int, skill: float, temperature: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A population of confidences and how probable it is that each answer is right, [N] each."""
    generator = np.random.default_rng(8)
    n = 50_000
    logits = generator.normal(size=(n, classes))
    logits[np.arange(n), generator.integers(classes, size=n)] += skill
    logits *= 3
    top = logits.argmax(axis=1)
    right = softmax(logits / temperature, axis=1)[np.arange(n), top]
    return softmax(logits, axis=1).max(axis=1), right
