"""Planted wrong labels in digits and Fashion-MNIST, and every step against a plain computation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from nunbit.checks.measurements.embedding import EmbeddingObserver, Features
from nunbit.checks.measurements.features import describe
from nunbit.checks.pixels import labels as module
from nunbit.checks.pixels.labels import label_findings, suspected_labels
from nunbit.data.sources import load_samples
from nunbit.data.storage import ImageArrays
from tests.checks.faults import digits, flipped, samples_of


def features_of_digits() -> Features:
    observer = EmbeddingObserver()
    images, _ = digits()
    observer.observe(np.arange(len(images)), images)
    return observer.features()


@pytest.mark.parametrize("share", [0.02, 0.2])
@pytest.mark.parametrize("seed", [0, 1])
def test_wrong_labels_of_digits_are_found(share: float, seed: int) -> None:
    _, truth = digits()
    given_labels, wrong = flipped(truth, share=share, seed=seed)
    found = suspected_labels(features_of_digits().values, given_labels, classes=10, seed=seed)
    hits = wrong[found.rows]
    assert hits.sum() / wrong.sum() >= 0.6
    assert hits.mean() >= 0.9
    proposed = found.proposed[hits & (found.proposed >= 0)]
    right = truth[found.rows][hits & (found.proposed >= 0)]
    assert (proposed == right).mean() > 0.95
    assert (found.proposed >= 0).mean() > 0.5
    assert (np.diff(found.confidence) <= 0).all()
    assert (found.proposed != given_labels[found.rows]).all()


def test_right_labels_of_digits_are_left_alone() -> None:
    _, truth = digits()
    assert len(suspected_labels(features_of_digits().values, truth, classes=10)) <= 3


def test_wrong_labels_of_fashion_mnist_are_found(fashion_mnist: Path) -> None:
    samples = load_samples(str(fashion_mnist))
    assert isinstance(samples.images, ImageArrays)
    rows = np.flatnonzero(np.array(samples.parts) == "train")[::6]
    truth = samples.labels[rows]
    given_labels, wrong = flipped(truth, share=0.02, seed=0)
    found = suspected_labels(describe(samples.images.array[rows]), given_labels, classes=10)
    hits = wrong[found.rows]
    assert hits.sum() / wrong.sum() >= 0.7
    assert hits.mean() >= 0.5


def test_copies_do_not_vouch_for_each_other() -> None:
    images, truth = digits()
    wrong = np.arange(0, 600, 40)
    labels = truth.copy()
    labels[wrong] = (truth[wrong] + np.random.default_rng(0).integers(1, 10, len(wrong))) % 10
    many = np.concatenate([np.arange(len(images)), np.repeat(wrong, 4)])
    values, given_labels = describe(images)[many], labels[many]
    apart = suspected_labels(values, given_labels, classes=10)
    together = suspected_labels(values, given_labels, classes=10, groups=many)

    def found(rows: np.ndarray) -> float:
        return float(np.isin(wrong, rows).mean())

    assert found(together.rows) > found(apart.rows) + 0.2


def test_a_class_within_one_group_is_not_judged() -> None:
    """Nothing outside the group teaches it; where that is all there is, nothing is fitted."""
    images, truth = digits()
    values = describe(images)
    groups = np.where(truth == 3, -1, np.arange(len(truth)))
    found = suspected_labels(values, truth, classes=10, groups=groups)
    assert not (truth[found.rows] == 3).any()
    assert len(found) <= 3
    in_one = np.zeros(len(truth), dtype=np.int64)
    assert len(suspected_labels(values, truth, classes=10, groups=in_one)) == 0


@given(
    labels=st.lists(st.integers(0, 4), min_size=10, max_size=60),
    groups=st.integers(1, 30),
    folds=st.integers(2, 5),
    seed=st.integers(0, 5),
)
def test_folds_keep_groups_whole_and_are_even(
    labels: list[int], groups: int, folds: int, seed: int
) -> None:
    given_labels = np.array(labels, dtype=np.int64)
    group = np.arange(len(labels)) % groups
    fold = module._folds(given_labels, group, folds=folds, seed=seed)
    assert all(len(set(fold[group == one])) == 1 for one in set(group))
    members = [len(set(group[fold == number])) for number in range(folds)]
    assert max(members) - min(members) <= 1
    alone = module._folds(given_labels, np.arange(len(labels)), folds=folds, seed=seed)
    for label in set(labels):
        counts = [int((given_labels[alone == number] == label).sum()) for number in range(folds)]
        assert max(counts) - min(counts) <= 1


def test_scores_are_those_of_ridge_regression_fitted_without_the_fold() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(3, 2, (90, 6)).astype(np.float32)
    labels = rng.integers(0, 3, 90)
    fold = np.arange(90) % 3
    scores = module._scores(features, labels, 3, fold=fold)
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    standard = np.concatenate([standard, np.ones((90, 1))], axis=1)
    for number in range(3):
        rest = fold != number
        ridge = Ridge(alpha=module._RIDGE * rest.sum(), fit_intercept=False)
        ridge.fit(standard[rest], np.eye(3)[labels[rest]])
        expected = ridge.predict(standard[~rest])
        np.testing.assert_allclose(scores[~rest], expected, atol=1e-4)


def test_too_few_images_or_one_class_say_nothing() -> None:
    values = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    assert len(suspected_labels(values, np.zeros(200, np.int64), classes=1)) == 0
    assert len(suspected_labels(values[:40], np.arange(40) % 2, classes=2)) == 0
    few = np.r_[np.zeros(196, np.int64), np.ones(4, np.int64)]
    assert len(suspected_labels(values, few, classes=2)) == 0


def test_small_and_empty_classes_stand_in_nobodys_way() -> None:
    _, truth = digits()
    labels = truth + 2  # classes 0 and 1 are empty
    labels[:3] = 1
    found = suspected_labels(features_of_digits().values, labels, classes=12)
    assert not set(found.rows) & {0, 1, 2}
    assert set(found.proposed) <= {-1, *range(2, 12)}


def test_the_same_seed_gives_the_same_suspicions() -> None:
    _, truth = digits()
    labels, _ = flipped(truth, share=0.1, seed=3)
    values = features_of_digits().values
    one, two = (suspected_labels(values, labels, classes=10, seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.rows, two.rows)
    np.testing.assert_array_equal(one.confidence, two.confidence)


def test_the_finding_proposes_classes_and_leaves_the_test_part_alone() -> None:
    _, truth = digits()
    labels, wrong = flipped(truth, share=0.05, seed=1)
    parts = ["train" if i % 3 else "test" for i in range(len(labels))]
    samples = samples_of(labels, parts=parts)
    (finding,) = label_findings(samples, features_of_digits())
    assert (finding.kind, finding.severity) == ("suspected-labels", "warning")
    share = finding.count / len(labels)
    assert finding.title == f"{finding.count} labels look wrong ({share:.2%} of the images)"
    assert finding.count == len(finding.groups) == len(finding.everything)
    rows = [row for (row,) in finding.groups]
    assert wrong[rows].mean() > 0.9
    tests = [row for row in rows if row % 3 == 0]
    assert len(tests) > 0
    assert len(finding.corrections) == len(rows) - len(tests)
    for correction in finding.corrections:
        row = int(correction.path)
        assert correction.label == samples.label_name(row)
        assert row % 3
        if correction.action == "relabel":
            assert correction.new_label in samples.classes
            assert correction.new_label != correction.label
            assert correction.reason.endswith(
                f"not {correction.label}, rather {correction.new_label}"
            )
        else:
            assert correction.new_label == ""
            assert correction.reason.endswith(", but unclear what")
    assert {c.action for c in finding.corrections} >= {"relabel"}
    assert "100.0%" not in " ".join(finding.examples)


def test_rows_that_were_not_seen_are_not_judged() -> None:
    _, truth = digits()
    labels, _ = flipped(truth, share=0.05, seed=1)
    features = features_of_digits()
    seen = np.arange(0, len(labels), 2)
    some = Features(rows=features.rows[seen], values=features.values[seen])
    (finding,) = label_findings(samples_of(labels), some, groups=np.arange(len(labels)))
    assert all(row % 2 == 0 for (row,) in finding.groups)


def test_nothing_suspected_is_nothing_told() -> None:
    none = Features(rows=np.empty(0, np.int64), values=np.empty((0, 1), np.float32))
    assert label_findings(samples_of([0, 1]), none) == ()
