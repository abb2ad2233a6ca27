from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nunbit.advisor.evidence import (
    cross_validate,
    fit_simple_head,
    gain,
    learning_curve,
    make_folds,
    stratified_order,
)
from nunbit.advisor.plans import Z95
from nunbit.errors import DataError


@pytest.fixture(scope="module")
def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    features, labels = load_digits(return_X_y=True)
    return features[:600].astype(np.float32), labels[:600].astype(np.int64)


def alone(n: int) -> NDArray[np.int64]:
    return np.arange(n)


def test_the_head_is_scikit_learns_logistic_regression(
    digits: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> None:
    features, labels = digits
    used = features.std(axis=0) > 0
    standard = (features - features.mean(axis=0)) / np.where(used, features.std(axis=0), 1)
    strength = 0.01
    (head,) = fit_simple_head(features, labels, classes=10, strengths=[strength])
    reference = LogisticRegression(C=1 / (strength * len(labels)), max_iter=2000, tol=1e-8)
    reference.fit(standard[:, used], labels)
    logits = features @ head.weight.T + head.bias
    expected = reference.decision_function(standard[:, used])
    expected -= expected.mean(axis=1, keepdims=True)
    logits -= logits.mean(axis=1, keepdims=True)  # softmax does not see what is common
    np.testing.assert_allclose(logits, expected, atol=0.1)
    assert np.abs(logits - expected).mean() < 0.02


def test_features_that_never_change_are_ignored() -> None:
    features = np.array([[0, 7], [1, 7], [0, 7], [1, 7]], dtype=np.float32)
    labels = np.array([0, 1, 0, 1])
    (head,) = fit_simple_head(features, labels, classes=2, strengths=[0.01])
    assert head.weight[:, 1].tolist() == [0, 0]
    assert head.right(features, labels).all()


def test_a_class_that_is_missing_is_not_answered() -> None:
    features = np.array([[0.0], [1.0], [0.1], [0.9]], dtype=np.float32)
    (head,) = fit_simple_head(features, np.array([0, 2, 0, 2]), classes=3, strengths=[0.01])
    logits = features @ head.weight.T + head.bias
    assert 1 not in logits.argmax(axis=1)


def test_cross_validation_agrees_with_scikit_learns(
    digits: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> None:
    features, labels = digits
    folds = make_folds(labels, alone(600), seed=0)
    found = cross_validate(features, labels, folds, classes=10)
    reference = make_pipeline(
        StandardScaler(), LogisticRegression(C=1 / (found.strength * 480), max_iter=2000)
    )
    answers = cross_val_predict(reference, features, labels, cv=PredefinedSplit(folds))
    assert found.accuracy.estimate == pytest.approx((answers == labels).mean(), abs=0.01)
    assert found.accuracy.low < found.accuracy.estimate < found.accuracy.high


def test_noise_is_judged_as_chance() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(300, 20)).astype(np.float32)
    labels = generator.integers(0, 3, 300)
    folds = make_folds(labels, alone(300), seed=0)
    accuracy = cross_validate(features, labels, folds, classes=3).accuracy
    assert accuracy.low < 1 / 3 < accuracy.high


@settings(max_examples=50)
@given(labels=st.lists(st.integers(0, 3), min_size=8, max_size=60), seed=st.integers(0, 2**32 - 1))
def test_every_beginning_of_the_order_has_the_classes_in_proportion(
    labels: list[int], seed: int
) -> None:
    values = np.array(labels)
    order = stratified_order(values, seed=seed)
    assert sorted(order) == list(range(len(values)))
    for stop in range(1, len(values) + 1):
        for label in set(labels):
            whole = (values == label).sum()
            have = (values[order[:stop]] == label).sum()
            assert abs(have - whole * stop / len(values)) <= len(set(labels)) + 1


def test_folds_keep_groups_whole_and_classes_in_proportion() -> None:
    labels = np.repeat([0, 1, 2], 40)
    groups = np.arange(120) // 2
    folds = make_folds(labels, groups, seed=3)
    assert set(folds) == {0, 1, 2, 3, 4}
    assert all(len(set(folds[groups == group])) == 1 for group in range(60))
    for label in range(3):
        assert np.bincount(folds[labels == label]).tolist() == [8] * 5
    assert (make_folds(labels, groups, seed=3) == folds).all()
    assert (make_folds(labels, groups, seed=4) != folds).any()


def test_small_classes_make_fewer_folds_and_one_image_none() -> None:
    labels = np.array([0] * 30 + [1] * 3)
    assert set(make_folds(labels, alone(33), seed=0)) == {0, 1, 2}
    with pytest.raises(DataError, match="a class has too few images"):
        make_folds(np.array([0, 0, 0, 1]), alone(4), seed=0)
    copies = np.array([0, 1, 2, 3, 3])
    with pytest.raises(DataError, match="too few"):
        make_folds(np.array([0, 0, 0, 1, 1]), copies, seed=0)


def test_the_learning_curve_rises_to_the_whole(
    digits: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> None:
    features, labels = digits
    folds = make_folds(labels, alone(600), seed=0)
    whole = cross_validate(features, labels, folds, classes=10)
    curve = learning_curve(features, labels, folds, classes=10, whole=whole, seed=0)
    assert [point.images for point in curve.points] == [60, 120, 240, 480]
    estimates = [point.accuracy.estimate for point in curve.points]
    assert estimates == sorted(estimates)
    assert estimates[-1] == whole.accuracy.estimate
    assert curve.last_doubling.estimate == pytest.approx(estimates[-1] - estimates[-2])


def test_too_few_images_have_no_curve() -> None:
    labels = np.repeat([0, 1], 3)
    features = labels[:, None].astype(np.float32)
    folds = make_folds(labels, alone(6), seed=0)
    whole = cross_validate(features, labels, folds, classes=2)
    curve = learning_curve(features, labels, folds, classes=2, whole=whole, seed=0)
    assert len(curve.points) == 1
    assert (curve.last_doubling.low, curve.last_doubling.high) == (-1, 1)


def test_the_interval_of_a_gain_holds_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    difficulty = generator.random((2000, 150))
    before, after = difficulty < 0.7, np.where(generator.random((2000, 150)) < 0.1, 1, 0)
    improved = before | after.astype(bool)
    truth = 0.3 * 0.1
    intervals = [gain(one, two) for one, two in zip(before, improved, strict=True)]
    covered = np.mean([proportion.low <= truth <= proportion.high for proportion in intervals])
    assert 0.93 < covered < 0.995


def test_equal_answers_are_no_gain_but_no_certainty_either() -> None:
    same = np.ones(50, dtype=np.bool_)
    found = gain(same, same)
    assert found.estimate == 0
    assert found.low == pytest.approx(-found.high)
    assert found.high == pytest.approx(Z95 / 52)
