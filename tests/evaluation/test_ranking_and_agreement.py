"""Numbers that allow for chance and for the size of classes equal scikit-learn's."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    matthews_corrcoef,
    recall_score,
    roc_auc_score,
    top_k_accuracy_score,
)

from nunbit.evaluation import agreement
from nunbit.evaluation.metrics import Scores, evaluate
from nunbit.evaluation.ranking import average_precision, order_by, roc_auc
from nunbit.types import Predictions
from tests.evaluation.cases import names, random_predictions
from tests.evaluation.test_coverage_of_intervals import covered

TRIALS = 1000


def of(predictions: Predictions, classes: int) -> Scores:
    return evaluate(predictions, names(classes)).scores


@pytest.mark.parametrize(
    ("n", "classes", "labels"),
    [
        (500, 10, None),
        (60, 2, None),
        (800, 30, None),
        (90, 4, [0, 1, 3] * 30),  # no image of class 2
        (103, 3, [0] * 100 + [1, 1, 2]),
    ],
)
def test_numbers_equal_scikit_learn(n: int, classes: int, labels: list[int] | None) -> None:
    predictions = random_predictions(n, classes, labels=labels)
    found = of(predictions, classes)
    true, said, p = predictions.labels, predictions.predicted, predictions.probabilities
    present = np.unique(true)
    assert found.value("balanced_accuracy") == pytest.approx(
        recall_score(true, said, labels=present, average="macro")
    )
    assert found.value("matthews_correlation") == pytest.approx(matthews_corrcoef(true, said))
    assert found.value("cohens_kappa") == pytest.approx(cohen_kappa_score(true, said))
    if classes >= 10:
        top5 = top_k_accuracy_score(true, p, k=5, labels=range(classes))
        assert found.value("top5_accuracy") == pytest.approx(top5)
    else:
        assert found.get("top5_accuracy") is None
    areas = {k: roc_auc_score(true == k, p[:, k]) for k in present}
    precisions = {k: average_precision_score(true == k, p[:, k]) for k in present}
    assert found.value("roc_auc") == pytest.approx(np.mean(list(areas.values())))
    assert found.value("average_precision") == pytest.approx(np.mean(list(precisions.values())))
    for k, name in enumerate(names(classes)):
        row = found.per_class[name]
        assert row.get("roc_auc") == (pytest.approx(areas[k]) if k in areas else None)
        assert row.get("average_precision") == (
            pytest.approx(precisions[k]) if k in areas else None
        )
    if len(present) == classes:
        assert found.value("balanced_accuracy") == balanced_accuracy_score(true, said)
        if classes > 2:
            macro = roc_auc_score(true, p, multi_class="ovr", average="macro")
            assert found.value("roc_auc") == pytest.approx(macro)


def test_ties_of_scores_count_as_in_scikit_learn() -> None:
    generator = np.random.default_rng(2)
    scores, positive = generator.integers(0, 4, 200) / 4, generator.random(200) < 0.2
    order = order_by(scores)
    assert roc_auc(order, positive).value == pytest.approx(roc_auc_score(positive, scores))
    expected = average_precision_score(positive, scores)
    assert average_precision(order, positive).value == pytest.approx(expected)


def test_sensitivity_and_specificity_of_two_classes() -> None:
    predictions = random_predictions(200, 2)
    found = of(predictions, 2).per_class
    for k, name in enumerate(names(2)):
        expected = recall_score(predictions.labels, predictions.predicted, pos_label=1 - k)
        assert found[name]["specificity"] == pytest.approx(expected)
    assert "specificity" not in of(random_predictions(50, 3), 3).per_class["kind 0"]


def test_what_cannot_be_computed_is_left_out_and_never_a_half() -> None:
    """scikit-learn says 0 for the correlation and not-a-number for the area."""
    found = of(random_predictions(20, 3, labels=[1] * 20, skill=9), 3)
    for name in ("matthews_correlation", "cohens_kappa", "roc_auc", "average_precision"):
        assert found.get(name) is None
    assert found.value("balanced_accuracy") == 1
    assert "roc_auc" not in found.per_class["kind 1"]


def test_absent_and_small_classes_are_said() -> None:
    found = of(random_predictions(90, 4, labels=[0, 1, 3] * 30), 4)
    balanced = found.values["balanced_accuracy"]
    assert balanced.note == "without 1 class that no image is of"
    assert balanced.ci95 is not None
    small = of(random_predictions(103, 3, labels=[0] * 100 + [1, 1, 2]), 3)
    assert small.values["balanced_accuracy"].ci95 is None
    assert "fewer than 25 images" in small.values["balanced_accuracy"].note
    assert small.values["roc_auc"].ci95 is None
    assert Scores.from_dict(json.loads(json.dumps(small.to_dict()))) == small


def test_the_influence_is_the_derivative_by_the_weight_of_an_image() -> None:
    """The infinitesimal jackknife, by scikit-learn's weighted numbers."""
    generator = np.random.default_rng(5)
    positive = np.arange(60) < 20
    scores = generator.normal(size=60) + positive
    for ours, theirs in ((roc_auc, roc_auc_score), (average_precision, average_precision_score)):
        influence = ours(order_by(scores), positive).influence
        for row in (3, 50):
            kind = positive == positive[row]
            n, step = kind.sum(), 1e-5
            weights = np.ones(60)
            weights[row] += step
            weights[kind] *= n / (n + step)  # as many of each kind as before
            change = theirs(positive, scores, sample_weight=weights) - theirs(positive, scores)
            expected = change / step * np.sqrt(n / (n - 1))
            assert influence[row] == pytest.approx(expected, abs=1e-5)


SIZES = [
    ([25, 1000], [0.9, 0.98]),
    ([50, 1000], [0.9, 0.98]),
    ([100, 100], [0.8, 0.9]),
    ([25] * 10, [0.95] * 10),
    ([25, 50, 100, 400], [0.6, 0.7, 0.8, 0.95]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "recalls"), SIZES)
def test_intervals_of_agreement_cover_the_truth(sizes: list[int], recalls: list[float]) -> None:
    generator = np.random.default_rng(6)
    k = len(sizes)
    rows = [[r if i == j else (1 - r) / (k - 1) for j in range(k)] for i, r in enumerate(recalls)]
    joint = np.array(rows) * np.array(sizes)[:, None] / sum(sizes)
    truth, answers, right = joint.sum(axis=1), joint.sum(axis=0), np.trace(joint)
    lead = right - truth @ answers
    spread = np.sqrt((1 - truth @ truth) * (1 - answers @ answers))
    drawn = [
        np.array([generator.multinomial(n, row) for n, row in zip(sizes, rows, strict=True)])
        for _ in range(TRIALS)
    ]
    for interval, value in (
        (agreement.balanced_accuracy_interval, np.mean(recalls)),
        (agreement.matthews_correlation_interval, lead / spread),
        (agreement.cohens_kappa_interval, lead / (1 - truth @ answers)),
    ):
        assert 0.93 <= covered(float(value), [interval(c) for c in drawn]) <= 0.975, interval


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "m", "distance", "spread"),
    [(30, 500, 1, 1), (50, 1000, 1.5, 1.5), (100, 1000, 2, 1), (200, 200, 2, 1), (500, 500, 3, 1)],
)
def test_intervals_of_rankings_cover_the_truth(
    n: int, m: int, distance: float, spread: float
) -> None:
    generator = np.random.default_rng(7)
    positive = np.arange(n + m) < n
    x = np.linspace(-10, 15, 20001)
    above, others = n * norm.sf(x, distance, spread), m * norm.sf(x)
    density: NDArray[np.float64] = norm.pdf(x, distance, spread)
    precision = np.trapezoid(above / (above + others + 1e-300) * density, x)
    area = norm.cdf(distance / np.sqrt(1 + spread**2))
    areas, precisions = [], []
    for _ in range(TRIALS):
        scores = np.where(positive, distance + spread * generator.normal(size=n + m), 0)
        order = order_by(np.where(positive, scores, generator.normal(size=n + m)))
        areas.append(roc_auc(order, positive).ci95)
        precisions.append(average_precision(order, positive).ci95)
    assert 0.93 <= covered(float(area), areas) <= 0.97
    if n >= 50:
        assert 0.93 <= covered(float(precision), precisions) <= 0.97


@pytest.mark.slow
def test_intervals_of_the_means_over_classes_cover_the_truth() -> None:
    labels = np.repeat([0, 1, 2], [300, 100, 60])
    many = np.repeat([0, 1, 2], [150_000, 50_000, 30_000])
    truth = of(random_predictions(len(many), 3, labels=many, seed=1), 3)
    found = [of(random_predictions(460, 3, labels=labels, seed=seed), 3) for seed in range(600)]
    for name in ("roc_auc", "average_precision"):
        intervals = [ci for scores in found if (ci := scores.values[name].ci95)]
        assert len(intervals) == 600
        assert 0.93 <= covered(truth.value(name) or 0, intervals) <= 0.975
