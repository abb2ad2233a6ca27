"""Paired comparisons against closed forms, plain loops, scikit-learn and simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, norm
from sklearn.metrics import f1_score, log_loss

from nunbit.evaluation.comparison.paired import (
    MAX_DRAWN,
    PairedPredictions,
    accuracy_difference,
    compare_answers,
    images_needed,
    macro_f1_difference,
    mcnemar_mid_p,
    mean_difference,
    smallest_noticed,
)

TRIALS = 1000


def answers(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> PairedPredictions:
    return PairedPredictions(
        labels=labels,
        predicted=probabilities.argmax(axis=1),
        probabilities=probabilities,
        losses=-np.log(probabilities[np.arange(len(labels)), labels]),
    )


def two_models(n: int, classes: int, seed: int) -> tuple[NDArray[np.int64], list[NDArray]]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    shared = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[labels]
    logits = [shared + rng.normal(size=(n, classes)) for _ in range(2)]
    return labels, [np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) for z in logits]


def test_numbers_are_those_of_scikit_learn_and_a_plain_loop() -> None:
    labels, probabilities = two_models(300, 5, seed=1)
    first, second = (answers(labels, p) for p in probabilities)
    pair = compare_answers(first, second, seed=0)
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for i, label in enumerate(labels):
        counts[first.predicted[i] == label, second.predicted[i] == label] += 1
    assert (pair.both, pair.only_first, pair.only_second, pair.neither) == tuple(counts.values())
    assert pair.n == 300
    assert pair.accuracy.value == pytest.approx(second.right.mean() - first.right.mean())
    f1 = [f1_score(labels, a.predicted, average="macro") for a in (first, second)]
    assert pair.macro_f1.value == pytest.approx(f1[1] - f1[0])
    losses = [log_loss(labels, p, labels=range(5)) for p in probabilities]
    assert pair.loss.value == pytest.approx(losses[1] - losses[0])
    for difference in (pair.accuracy, pair.macro_f1, pair.loss):
        assert difference.ci95[0] < difference.value < difference.ci95[1]


def some_images(n: int, classes: int, skills: tuple[float, float], rng) -> list[PairedPredictions]:
    """Two models that find the same images hard; the first classes are the largest."""
    shares = 1 / np.arange(1, classes + 1)
    labels = rng.choice(classes, size=n, p=shares / shares.sum())
    hardness, found = rng.random(n), []
    for skill in skills:
        right = (hardness + rng.random(n)) / 2 < skill
        other = (labels + rng.integers(1, classes, n)) % classes
        predicted = np.where(right, labels, other)
        found.append(
            PairedPredictions(
                labels=labels,
                predicted=predicted,
                probabilities=np.zeros((n, classes)),
                losses=np.zeros(n),
            )
        )
    return found


@pytest.mark.parametrize(
    ("n", "classes", "skills", "most"),
    [
        (200, 3, (0.6, 0.65), 0.97),
        (600, 10, (0.6, 0.65), 0.97),
        (3000, 20, (0.7, 0.7), 0.97),
        (100, 3, (0.9, 0.93), 1.0),  # few images tell the models apart: too wide, never too narrow
    ],
)
def test_the_interval_of_the_difference_of_macro_f1_covers_the_truth(
    n: int, classes: int, skills: tuple[float, float], most: float
) -> None:
    rng = np.random.default_rng(n)
    truth = macro_f1_difference(*some_images(1_000_000, classes, skills, rng)).value
    covered = 0
    for _ in range(TRIALS):
        low, high = macro_f1_difference(*some_images(n, classes, skills, rng)).ci95
        covered += low <= truth <= high
    assert 0.93 <= covered / TRIALS <= most


def test_a_class_that_neither_occurs_nor_is_answered_counts_for_nothing() -> None:
    labels = np.array([0, 0, 2, 2, 5, 5])
    answered = [np.array([0, 2, 2, 2, 5, 0]), np.array([0, 0, 2, 2, 5, 7])]
    first, second = (
        PairedPredictions(
            labels=labels, predicted=predicted, probabilities=np.zeros((6, 3)), losses=np.ones(6)
        )
        for predicted in answered
    )
    f1 = [f1_score(labels, p, average="macro", zero_division=0) for p in answered]
    assert compare_answers(first, second, seed=0).macro_f1.value == pytest.approx(f1[1] - f1[0])


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 5), (3, 9), (12, 4), (1, 2), (40, 65)])
def test_the_test_is_the_mid_p_version_of_the_exact_one(only_first: int, only_second: int) -> None:
    n = only_first + only_second
    exact = binomtest(only_first, n, 0.5).pvalue
    observed = math.comb(n, only_first) / 2**n
    assert mcnemar_mid_p(only_first, only_second) == pytest.approx(exact - observed)
    assert mcnemar_mid_p(only_second, only_first) == mcnemar_mid_p(only_first, only_second)


def test_models_that_are_right_equally_often_do_not_differ() -> None:
    assert mcnemar_mid_p(0, 0) == mcnemar_mid_p(7, 7) == 1.0


def test_the_test_agrees_with_its_large_sample_form() -> None:
    z = abs(400 - 460) / math.sqrt(860)
    assert mcnemar_mid_p(400, 460) == pytest.approx(2 * norm.sf(z), rel=0.02)


def test_a_true_null_is_rejected_no_more_often_than_promised() -> None:
    rng = np.random.default_rng(5)
    for n, share in ((100, 0.05), (100, 0.15), (2000, 0.03)):
        counts = rng.multinomial(n, (share, share, 1 - 2 * share), 2000)
        rejected = [mcnemar_mid_p(int(a), int(b)) < 0.05 for a, b, _ in counts]
        assert 0.02 < np.mean(rejected) < 0.057


@pytest.mark.parametrize(
    ("n", "only_first", "only_second"),
    [(100, 0.10, 0.10), (300, 0.05, 0.12), (1000, 0.02, 0.03), (2000, 0.10, 0.14), (150, 0.2, 0.4)],
)
def test_the_interval_covers_the_true_difference(
    n: int, only_first: float, only_second: float
) -> None:
    rng = np.random.default_rng(n)
    counts = rng.multinomial(n, (only_first, only_second, 1 - only_first - only_second), TRIALS)
    covered = 0
    for trial, (a, b, _) in enumerate(counts):
        low, high = accuracy_difference(int(a), int(b), n, seed=trial, resamples=1000).ci95
        covered += low <= only_second - only_first <= high
    # Three standard errors of a share of 1,000 trials; of 100 images, differences are coarse.
    assert 0.93 <= covered / TRIALS <= 0.98


def test_where_hardly_an_image_tells_the_models_apart_the_interval_errs_to_the_wide_side() -> None:
    rng = np.random.default_rng(3)
    counts = rng.multinomial(500, (0.002, 0.002, 0.996), 400)
    covered = 0
    for trial, (a, b, _) in enumerate(counts):
        low, high = accuracy_difference(int(a), int(b), 500, seed=trial, resamples=1000).ci95
        covered += low <= 0 <= high
    assert covered / len(counts) >= 0.95


def test_no_disagreement_is_not_certainty() -> None:
    found = accuracy_difference(0, 0, 50, seed=0)
    assert found.value == 0
    assert found.ci95[0] < -0.01 < 0.01 < found.ci95[1]


@pytest.mark.parametrize("n", [60, 300])
def test_the_interval_of_a_mean_difference_covers_the_truth(n: int) -> None:
    rng = np.random.default_rng(n)
    covered = 0
    for trial in range(TRIALS):
        low, high = mean_difference(rng.normal(0.3, 1, n), seed=trial, resamples=400).ci95
        covered += low <= 0.3 <= high
    assert 0.925 <= covered / TRIALS <= 0.97


def test_the_number_of_images_has_the_power_that_is_promised() -> None:
    needed = images_needed(20, 32, 400)
    assert needed is not None
    rng = np.random.default_rng(0)
    counts = rng.multinomial(needed, (0.05, 0.08, 0.87), 2000)
    told = np.mean([mcnemar_mid_p(int(a), int(b)) < 0.05 for a, b, _ in counts])
    assert 0.77 < told < 0.84


def test_no_number_of_images_tells_no_difference() -> None:
    assert images_needed(4, 4, 100) is None


def test_the_smallest_difference_noticed_solves_for_the_number_of_images() -> None:
    n, only_first, only_second = 1000, 30, 50
    smallest = smallest_noticed(only_first, only_second, n)
    disagree = (only_first + only_second) / n
    root = norm.ppf(0.975) * math.sqrt(disagree) + norm.ppf(0.8) * math.sqrt(disagree - smallest**2)
    assert (root / smallest) ** 2 == pytest.approx(n)


@pytest.mark.parametrize("n", [100, 1000])
def test_of_models_that_agree_a_difference_is_noticed_that_the_test_can_find(n: int) -> None:
    """As often as promised, whatever the normal approximation costs: one image is no finding."""
    wins = np.random.default_rng(2).binomial(n, smallest_noticed(0, 0, n), 4000)
    assert 0.75 <= np.mean([mcnemar_mid_p(0, int(k)) < 0.05 for k in wins]) <= 0.95
    assert smallest_noticed(0, 0, 1) == 1


def test_other_images_are_refused() -> None:
    labels, probabilities = two_models(10, 3, seed=0)
    first = answers(labels, probabilities[0])
    second = answers((labels + 1) % 3, probabilities[1])
    with pytest.raises(ValueError, match="the same images with the same labels"):
        compare_answers(first, second, seed=0)


def test_one_seed_gives_one_interval() -> None:
    losses = np.arange(30.0)
    assert mean_difference(losses, seed=1) == mean_difference(losses, seed=1)
    assert mean_difference(losses, seed=1) != mean_difference(losses, seed=2)


def test_the_mean_of_very_many_images_has_the_interval_that_resampling_comes_to() -> None:
    differences = np.random.default_rng(9).exponential(size=MAX_DRAWN + 1)
    direct = mean_difference(differences, seed=0)
    drawn = mean_difference(differences[:-1], seed=0)
    width = drawn.ci95[1] - drawn.ci95[0]
    assert direct.ci95 == pytest.approx(drawn.ci95, abs=0.1 * width)
