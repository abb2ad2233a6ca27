"""Levers for rare classes: their arithmetic, and the way back to the data's frequencies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.utils.class_weight import compute_class_weight

from nunbit.errors import UsageError
from nunbit.training.class_balance import ClassBalance, class_balance

CLASSES = ("ant", "bee", "cat")
LABELS = np.repeat([0, 1, 2], [70, 20, 10])


def balance(**levers: object) -> ClassBalance:
    found = class_balance(LABELS, CLASSES, **levers)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_without_levers_there_is_no_balance() -> None:
    assert class_balance(LABELS, CLASSES) is None


def test_balanced_weights_are_scikit_learns() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    np.testing.assert_allclose(balance(class_weights="balanced").weights, expected)


def test_named_weights_keep_their_ratios_and_are_one_in_the_mean() -> None:
    weights = balance(class_weights={"cat": 5}).weights
    assert weights is not None
    np.testing.assert_allclose(weights, np.array([1, 1, 5]) / 1.4)
    assert weights[LABELS].mean() == pytest.approx(1)


def test_weights_of_balanced_batches_are_one_in_the_mean_of_the_classes() -> None:
    weights = balance(class_weights={"cat": 4}, balanced_sampling=True).weights
    np.testing.assert_allclose(weights, np.array([1, 1, 4]) / 2)


def test_a_weight_of_an_unknown_class_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="bees, which is not a class") as caught:
        balance(class_weights={"bees": 2})
    assert "bee" in caught.value.remedy


@pytest.mark.parametrize(
    ("levers", "trained_like"),
    [
        ({"class_weights": "balanced"}, [1 / 0.7, 1 / 0.2, 1 / 0.1]),
        ({"class_weights": {"cat": 5}}, [1, 1, 5]),
        ({"balanced_sampling": True}, [1 / 0.7, 1 / 0.2, 1 / 0.1]),
        ({"balanced_sampling": True, "class_weights": {"ant": 2}}, [2 / 0.7, 1 / 0.2, 1 / 0.1]),
        # The minimum of the adjusted loss is at log p - tau log pi: equation 10 of Menon et al.
        ({"logit_adjustment": 1.0}, [1 / 0.7, 1 / 0.2, 1 / 0.1]),
        ({"logit_adjustment": 0.5}, [0.7**-0.5, 0.2**-0.5, 0.1**-0.5]),
    ],
)
def test_the_correction_gives_the_probabilities_of_the_data(
    levers: dict[str, object], trained_like: list[float]
) -> None:
    """The minimum of each objective is at p(k | x) times a factor of the class, by Bayes' rule."""
    truth = np.array([[0.9, 0.08, 0.02], [0.3, 0.3, 0.4]])
    reached = truth * trained_like
    logits = log_softmax(np.log(reached), axis=1)
    corrected = softmax(logits + balance(**levers).correction, axis=1)
    np.testing.assert_allclose(corrected, truth, rtol=1e-12)


def test_factors_weigh_images_as_balanced_batches_show_them() -> None:
    weighted, drawn = balance(class_weights="balanced"), balance(balanced_sampling=True)
    assert weighted.factors is not None
    assert drawn.factors is not None
    np.testing.assert_allclose(weighted.factors, drawn.factors)


def test_a_class_without_training_images_keeps_everything_finite() -> None:
    found = class_balance(LABELS, (*CLASSES, "dog"), class_weights="balanced", logit_adjustment=1)
    assert found is not None
    assert np.isfinite(found.weights).all()
    assert np.isfinite(found.correction).all()
