from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from nunbit.errors import TrainingError, UsageError
from nunbit.finetune import logistic
from nunbit.finetune.heads import (
    KINDS,
    FittedHead,
    HeadKind,
    HeadObjective,
    HeadSettings,
    Labelled,
    fit_head,
)
from nunbit.training.losses import make_loss

QUICK = HeadSettings(epochs=15, hidden=32)


def digits(rows: slice) -> Labelled:
    """Pixels of scikit-learn's digits, scaled and moved as features may be."""
    data = load_digits()
    return Labelled(
        features=(data.data[rows] * 3 + 100).astype(np.float32),
        labels=data.target[rows].astype(np.int64),
    )


TRAIN, VALIDATION, TEST = digits(slice(600)), digits(slice(600, 800)), digits(slice(800, 1200))


def blobs(n: int, features: int, classes: int, *, seed: int = 0, distance: float = 3) -> Labelled:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(classes, features)) * distance
    labels = np.arange(n) % classes
    values = centres[labels] + rng.normal(size=(n, features))
    return Labelled(features=values.astype(np.float32), labels=labels.astype(np.int64))


def accuracy(head: FittedHead, examples: Labelled) -> float:
    return float((head.logits(examples.features).argmax(axis=1) == examples.labels).mean())


@pytest.mark.parametrize("n", [600, 40], ids=["many images", "fewer images than features"])
def test_the_logistic_head_is_scikit_learns(n: int) -> None:
    train = digits(slice(n))
    head = fit_head("logistic", train, VALIDATION, classes=10, seed=0)
    scaler = StandardScaler().fit(train.features.astype(np.float64))
    # Mean loss + strength / 2 * |W|^2 is scikit-learn's objective at C = 1 / (n * strength).
    reference = LogisticRegression(
        C=1 / (len(train) * head.chosen.strength), tol=1e-8, max_iter=10_000
    ).fit(scaler.transform(train.features.astype(np.float64)), train.labels)
    expected = reference.predict_proba(scaler.transform(TEST.features.astype(np.float64)))
    found = softmax(head.logits(TEST.features).astype(np.float64), axis=1)
    np.testing.assert_allclose(found, expected, atol=0.01)
    assert accuracy(head, TEST) == pytest.approx(
        reference.score(scaler.transform(TEST.features.astype(np.float64)), TEST.labels), abs=0.0051
    )


def test_the_path_holds_what_was_measured_and_the_least_loss_is_chosen() -> None:
    head = fit_head("logistic", TRAIN, VALIDATION, classes=10, seed=0)
    strengths = [point.strength for point in head.path]
    assert strengths == [s / 10 for s in logistic.STRENGTHS[: len(strengths)]]
    assert [point.chosen for point in head.path].count(True) == 1
    assert head.chosen.loss == min(point.loss for point in head.path)
    assert head.chosen_by == "validation"
    for part, loss, share in (
        (VALIDATION, head.chosen.loss, head.chosen.accuracy),
        (TRAIN, head.chosen.train_loss, head.chosen.train_accuracy),
    ):
        logs = log_softmax(head.logits(part.features).astype(np.float64), axis=1)
        assert loss == pytest.approx(-logs[np.arange(len(part)), part.labels].mean(), abs=1e-4)
        assert share == pytest.approx(accuracy(head, part), abs=1e-9)
    train_losses = [point.train_loss for point in head.path]
    assert train_losses == sorted(train_losses, reverse=True)


def test_the_path_ends_after_the_loss_grew_worse_twice() -> None:
    noise = Labelled(
        features=np.random.default_rng(0).normal(size=(60, 200)).astype(np.float32),
        labels=np.arange(60, dtype=np.int64) % 3,
    )
    held = Labelled(
        features=np.random.default_rng(1).normal(size=(60, 200)).astype(np.float32),
        labels=np.arange(60, dtype=np.int64) % 3,
    )
    head = fit_head("logistic", noise, held, classes=3, seed=0)
    losses = [point.loss for point in head.path]
    assert len(losses) < len(logistic.STRENGTHS)
    assert losses[-3] < losses[-2] < losses[-1]
    assert head.path[-3].chosen


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_learns_digits(kind: HeadKind) -> None:
    head = fit_head(kind, TRAIN, VALIDATION, classes=10, seed=0, settings=QUICK)
    shapes = [weight.shape for weight, _ in head.layers]
    assert shapes == ([(32, 64), (10, 32)] if kind == "mlp" else [(10, 64)])
    assert accuracy(head, TEST) > 0.88  # nearest centroid reaches 0.85
    assert head.logits(TEST.features).dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_head_and_leaves_the_global_generator(kind: HeadKind) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, two = (
        fit_head(kind, TRAIN, VALIDATION, classes=10, seed=3, settings=QUICK) for _ in range(2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    for (weight, bias), (weight2, bias2) in zip(one.layers, two.layers, strict=True):
        np.testing.assert_array_equal(weight, weight2)
        np.testing.assert_array_equal(bias, bias2)
    assert one.path == two.path


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_another_seed_is_another_order(kind: HeadKind) -> None:
    one, two = (
        fit_head(kind, TRAIN, VALIDATION, classes=10, seed=seed, settings=QUICK) for seed in (0, 1)
    )
    assert not np.array_equal(one.layers[0][0], two.layers[0][0])


def test_the_linear_layer_keeps_its_best_epoch() -> None:
    head = fit_head("linear", TRAIN, VALIDATION, classes=10, seed=0, settings=QUICK)
    assert [point.epoch for point in head.path] == list(range(1, 16))
    assert head.chosen.loss == min(point.loss for point in head.path)
    logs = log_softmax(head.logits(VALIDATION.features).astype(np.float64), axis=1)
    found = -logs[np.arange(len(VALIDATION)), VALIDATION.labels].mean()
    assert head.chosen.loss == pytest.approx(found, abs=1e-4)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "adadelta", "rmsprop", "adam"])
def test_the_optimisers_of_the_course_train_the_linear_layer(optimizer: str) -> None:
    settings = HeadSettings(optimizer=optimizer, epochs=10)
    head = fit_head("linear", TRAIN, VALIDATION, classes=10, seed=0, settings=settings)
    assert accuracy(head, TEST) > 0.8


def test_a_learning_rate_too_high_is_said() -> None:
    settings = HeadSettings(optimizer="sgd", learning_rate=1e30, epochs=3)
    with pytest.raises(TrainingError, match="no longer a number in epoch 1"):
        fit_head("mlp", TRAIN, VALIDATION, classes=10, seed=0, settings=settings)


def test_without_a_validation_part_the_strength_is_cross_validated() -> None:
    head = fit_head("logistic", TRAIN, None, classes=10, seed=0)
    assert head.chosen_by == "cross-validation"
    assert head.chosen.loss == min(point.loss for point in head.path)
    # Held out accuracy, not that of training, which is higher.
    assert head.chosen.accuracy < head.chosen.train_accuracy
    assert head.chosen.accuracy == pytest.approx(accuracy(head, TEST), abs=0.06)
    last = fit_head("linear", TRAIN, None, classes=10, seed=0, settings=QUICK)
    assert (last.chosen_by, last.chosen.epoch) == ("nothing", 15)


def test_a_device_without_float64_leaves_the_fit_to_the_processor() -> None:
    few, mps = blobs(20, 8, 2), torch.device("mps")
    head = fit_head("logistic", few, None, classes=2, seed=0, device=mps)
    expected = fit_head("logistic", few, None, classes=2, seed=0)
    np.testing.assert_array_equal(head.layers[0][0], expected.layers[0][0])


def test_views_of_an_image_are_not_divided_between_folds() -> None:
    # Labels by chance: whoever has seen the other view knows the answer, and nobody else does.
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(100, 200)).astype(np.float32), rng.integers(0, 2, 100)
    twice = {"features": np.concatenate([images, images]), "labels": np.tile(labels, 2)}
    honest = fit_head("logistic", Labelled(**twice, views=2), None, classes=2, seed=0)
    misled = fit_head("logistic", Labelled(**twice), None, classes=2, seed=0)
    assert honest.chosen.accuracy < 0.65
    assert misled.chosen.accuracy > 0.85
    with pytest.raises(ValueError, match="200 rows are not 3 views"):
        Labelled(**twice, views=3)


def test_copies_of_an_image_are_not_divided_between_folds() -> None:
    rng = np.random.default_rng(0)
    features = np.tile(rng.normal(size=(40, 60)), (4, 1)).astype(np.float32)
    labels = np.tile(rng.integers(0, 2, 40), 4)
    groups = np.tile(np.arange(40), 4)
    alone = fit_head(
        "logistic", Labelled(features=features, labels=labels), None, classes=2, seed=0
    )
    whole = fit_head(
        "logistic",
        Labelled(features=features, labels=labels, groups=groups),
        None,
        classes=2,
        seed=0,
    )
    # Labels drawn by lot: only who has seen the very image can know them.
    assert max(point.accuracy for point in alone.path) > 0.9
    assert whole.chosen.accuracy < 0.65
    one = Labelled(features=features, labels=labels, groups=np.zeros(160, dtype=np.int64))
    assert fit_head("logistic", one, None, classes=2, seed=0).chosen_by == "nothing"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_a_handful_of_images_is_enough_to_fit(kind: HeadKind, n: int) -> None:
    few = blobs(n, 1280, 2)
    head = fit_head(kind, few, None, classes=2, seed=0, settings=QUICK)
    assert accuracy(head, few) == 1.0
    if n == 10:
        assert accuracy(head, blobs(100, 1280, 2, seed=7)) > 0.95


def test_two_classes_are_a_softmax_over_two() -> None:
    head = fit_head("logistic", blobs(80, 5, 2, distance=1), None, classes=2, seed=0)
    assert head.layers[0][0].shape == (2, 5)
    np.testing.assert_allclose(head.layers[0][0].sum(axis=0), 0, atol=1e-4)


def test_a_thousand_classes_are_told_apart() -> None:
    train, test = blobs(1000, 16, 1000), blobs(1000, 16, 1000, seed=1)
    head = fit_head("logistic", train, test, classes=1000, seed=0)
    assert accuracy(head, test) > 0.9


def test_a_rare_class_is_found_where_it_differs() -> None:
    rng = np.random.default_rng(0)
    labels = (np.arange(400) % 20 == 0).astype(np.int64)
    features = rng.normal(size=(400, 30)).astype(np.float32)
    features[labels == 1, 0] += 6
    known = Labelled(features=features, labels=labels)
    head = fit_head("logistic", known, None, classes=2, seed=0)
    predicted = head.logits(features).argmax(axis=1)
    assert (predicted[labels == 1] == 1).mean() > 0.9
    assert (predicted[labels == 0] == 0).mean() > 0.98


def test_a_class_without_any_image_gets_a_low_probability() -> None:
    known = blobs(60, 8, 3)
    head = fit_head("logistic", known, None, classes=4, seed=0)
    assert head.layers[0][0].shape == (4, 8)
    assert softmax(head.logits(known.features), axis=1)[:, 3].max() < 0.1


def test_features_that_never_change_in_training_weigh_nothing() -> None:
    known = blobs(60, 8, 3)
    known.features[:, 2] = 7
    known.features[:, 5] = np.where(np.arange(60) == 0, 1e-6, 0)
    head = fit_head("logistic", known, None, classes=3, seed=0)
    other = blobs(30, 8, 3, seed=4)
    before = other.features.copy()
    other.features[:, 2], other.features[:, 5] = 900, 3
    before[:, 2], before[:, 5] = 7, 0
    assert np.isfinite(head.logits(other.features)).all()
    np.testing.assert_array_equal(head.layers[0][0][:, 2], 0)
    # 3 is a hundred times what the feature's deviation counts as; unlimited, it would be millions.
    assert np.abs(head.logits(other.features) - head.logits(before)).max() < 50


@settings(max_examples=15)
@given(
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(-1e2, 1e2),
    kind=st.sampled_from(["logistic", "mlp"]),
)
def test_the_standardisation_is_folded_in(scale: float, shift: float, kind: HeadKind) -> None:
    """Features measured in other units get the same answers."""
    known = blobs(60, 6, 3, distance=1)
    moved = Labelled(
        features=(known.features.astype(np.float64) * scale + shift * scale).astype(np.float32),
        labels=known.labels,
    )
    quick = HeadSettings(epochs=3, hidden=8)
    one, two = (
        fit_head(kind, part, part, classes=3, seed=0, settings=quick) for part in (known, moved)
    )
    np.testing.assert_allclose(
        softmax(one.logits(known.features), axis=1),
        softmax(two.logits(moved.features), axis=1),
        atol=0.02,
    )


def test_impossible_input_is_refused() -> None:
    with pytest.raises(ValueError, match="2 groups do not match 3 labels"):
        Labelled(features=np.zeros((3, 2), np.float32), labels=np.zeros(3, int), groups=np.zeros(2))
    with pytest.raises(UsageError, match="no head is called 'svm'"):
        fit_head("svm", TRAIN, None, classes=10, seed=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one image"):
        fit_head("logistic", digits(slice(0, 0)), None, classes=10, seed=0)
    with pytest.raises(ValueError, match="outside of 0 to 4"):
        fit_head("logistic", TRAIN, None, classes=5, seed=0)
    with pytest.raises(ValueError, match="do not match"):
        Labelled(features=TRAIN.features, labels=TRAIN.labels[:5])
    broken = TRAIN.features.copy()
    broken[3, 4] = math.inf
    with pytest.raises(ValueError, match="not finite numbers"):
        fit_head(
            "logistic", Labelled(features=broken, labels=TRAIN.labels), None, classes=10, seed=0
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adamax"}, "unknown optimiser 'adamax'"),
        ({"epochs": 0}, "at least one"),
        ({"batch_size": 0}, "at least one"),
        ({"learning_rate": 0.0}, "positive, not 0.0"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HeadSettings(**settings)


def test_an_empty_validation_part_is_none() -> None:
    head = fit_head("logistic", TRAIN, digits(slice(0, 0)), classes=10, seed=0)
    assert head.chosen_by == "cross-validation"


@pytest.mark.parametrize("n", [600, 40], ids=["many images", "fewer images than features"])
def test_a_weighted_logistic_head_is_scikit_learns_with_balanced_weights(n: int) -> None:
    rare = digits(slice(n))
    kept = (rare.labels > 0) | (np.arange(n) % 4 == 0)
    train = Labelled(features=rare.features[kept], labels=rare.labels[kept])
    counts = np.bincount(train.labels, minlength=10)
    objective = HeadObjective(factors=torch.from_numpy(len(train) / (10 * counts)))
    head = fit_head("logistic", train, VALIDATION, classes=10, seed=0, objective=objective)
    scaler = StandardScaler().fit(train.features.astype(np.float64))
    reference = LogisticRegression(
        C=1 / (len(train) * head.chosen.strength),
        class_weight="balanced",
        tol=1e-8,
        max_iter=10_000,
    ).fit(scaler.transform(train.features.astype(np.float64)), train.labels)
    expected = reference.predict_proba(scaler.transform(TEST.features.astype(np.float64)))
    found = softmax(head.logits(TEST.features).astype(np.float64), axis=1)
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_the_slope_of_the_focal_loss_is_that_of_torchs_autograd() -> None:
    torch.manual_seed(0)
    logits = torch.randn(7, 4).double().requires_grad_()
    labels = torch.tensor([0, 1, 2, 3, 0, 1, 2])
    factors = torch.tensor([0.5, 1.0, 2.0, 4.0]).double()
    objective = HeadObjective(factors=factors, focal_gamma=1.5)
    loss = make_loss("focal", focal_gamma=1.5)
    wanted = sum(
        factors[label] * loss(logits[i : i + 1], labels[i : i + 1])
        for i, label in enumerate(labels)
    )
    wanted.backward()
    logs = torch.log_softmax(logits.detach(), dim=1)
    each, times = objective.terms(logs[torch.arange(7), labels], labels)
    assert each.sum().item() == pytest.approx(wanted.item())
    slope = times[:, None] * (logs.exp() - torch.nn.functional.one_hot(labels, 4))
    torch.testing.assert_close(slope, logits.grad)


@pytest.mark.parametrize("kind", KINDS)
def test_an_adjusted_head_is_the_plain_one_with_another_bias(kind: HeadKind) -> None:
    added = torch.linspace(-3, 0, 10).double()
    plain, adjusted = (
        fit_head(kind, TRAIN, VALIDATION, classes=10, seed=0, settings=QUICK, objective=objective)
        for objective in (HeadObjective(), HeadObjective(adjustment=added))
    )
    difference = plain.logits(TEST.features) - adjusted.logits(TEST.features)
    np.testing.assert_allclose(difference, np.broadcast_to(added, difference.shape), atol=1e-4)
    assert adjusted.chosen.accuracy == pytest.approx(accuracy(adjusted, VALIDATION))


@pytest.mark.parametrize("kind", KINDS)
def test_a_focal_head_learns_and_is_less_certain(kind: HeadKind) -> None:
    plain, focal = (
        fit_head(kind, TRAIN, VALIDATION, classes=10, seed=0, settings=QUICK, objective=objective)
        for objective in (HeadObjective(), HeadObjective(focal_gamma=2))
    )
    assert accuracy(focal, TEST) > 0.85
    certainty = [
        softmax(head.logits(TEST.features), axis=1).max(1).mean() for head in (plain, focal)
    ]
    assert certainty[1] < certainty[0]
