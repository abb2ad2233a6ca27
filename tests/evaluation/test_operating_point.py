"""The operating point of two classes: its rules, and what is measured of it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import recall_score, roc_curve
from torch import nn

from nunbit.bundle import Bundle
from nunbit.data.preprocess import Preprocess
from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.operating_point import (
    OperatingPoint,
    OperatingResult,
    choose_operating_point,
    described,
    operating_result,
)
from nunbit.export.contract import export_contract
from nunbit.types import Predictions
from tests.evaluation.cases import random_predictions

CLASSES = ("sick", "well")


def scored(probabilities: list[float], sick: list[int]) -> Predictions:
    """Answers that give the first class these probabilities; `sick` are 1 where it is true."""
    p = np.array(probabilities)
    return Predictions(
        logits=np.log(np.stack([p, 1 - p], axis=1)).astype(np.float32),
        labels=1 - np.array(sick, dtype=np.int64),
        indices=np.arange(len(p), dtype=np.int64),
    )


def chosen(validation: Predictions, rule: str, positive: str = "sick") -> OperatingPoint:
    found = choose_operating_point(validation, CLASSES, positive=positive, rule=rule)
    assert found is not None
    return found


VALIDATION = scored([0.9, 0.6, 0.4, 0.3, 0.2, 0.1], [1, 0, 1, 0, 1, 0])


def test_youdens_threshold_by_hand() -> None:
    """From 0.9 on J is 1/3; from 0.4 on 2/3 - 1/3, from 0.2 on 1 - 2/3: the nearest to one half."""
    assert chosen(VALIDATION, "youden").threshold == pytest.approx(0.35)
    assert chosen(VALIDATION, "youden").n_validation == 6


def test_a_wanted_sensitivity_by_hand() -> None:
    assert chosen(VALIDATION, "sensitivity:0.3").threshold == pytest.approx(0.75)
    assert chosen(VALIDATION, "sensitivity:0.6").threshold == pytest.approx(0.35)
    assert chosen(VALIDATION, "sensitivity:1").threshold == pytest.approx(0.15)
    last = scored([0.9, 0.1], [0, 1])
    assert chosen(last, "sensitivity:1").threshold == 0, "every image is answered sick"


@pytest.mark.parametrize("positive", CLASSES)
def test_youdens_threshold_is_the_best_of_scikit_learns_curve(positive: str) -> None:
    validation = random_predictions(300, 2, seed=4, skill=1.2)
    point = chosen(validation, "youden", positive)
    number = CLASSES.index(positive)
    scores = validation.probabilities[:, number]
    false, true, _ = roc_curve(validation.labels == number, scores)
    result = operating_result(point, validation, CLASSES)
    assert result.sensitivity is not None
    assert result.specificity is not None
    gain = result.sensitivity + result.specificity - 1
    assert gain == pytest.approx((true - false).max())


def test_what_is_measured_equals_scikit_learns_and_has_wilsons_intervals() -> None:
    test = random_predictions(200, 2, seed=7, skill=1.0)
    point = OperatingPoint(positive="sick", threshold=0.3, rule="youden", n_validation=50)
    result = operating_result(point, test, CLASSES)
    answers = point.answers(test.probabilities, CLASSES)
    recalls = recall_score(test.labels, answers, average=None)
    assert (result.sensitivity, result.specificity) == pytest.approx(tuple(recalls))
    assert result.sensitivity_ci95 == wilson_interval(result.found, result.positives)
    assert OperatingResult.from_dict(result.to_dict()) == result
    assert "sick from a probability of 0.300 on" in described(result)
    assert "on 50 validation images" in described(result)


def test_a_class_without_images_leaves_its_rate_unknown() -> None:
    point = OperatingPoint(positive="sick", threshold=0.5, rule="youden", n_validation=6)
    only_well = scored([0.2, 0.7], [0, 0])
    result = operating_result(point, only_well, CLASSES)
    assert (result.sensitivity, result.specificity) == (None, 0.5)
    assert "sensitivity unknown (no images)" in described(result)
    assert choose_operating_point(only_well, CLASSES, positive="sick", rule="youden") is None


def test_equal_probabilities_are_never_parted() -> None:
    flat = scored([0.5, 0.5, 0.5, 0.2], [1, 0, 1, 0])
    assert chosen(flat, "youden").threshold == pytest.approx(0.35)


@pytest.mark.parametrize(
    "block",
    [
        [],
        {"positive": "sick", "rule": "youden", "n_validation": 3},
        {"positive": "ill", "threshold": 0.5, "rule": "youden", "n_validation": 3},
        {"positive": "sick", "threshold": 1.5, "rule": "youden", "n_validation": 3},
        {"positive": "sick", "threshold": float("nan"), "rule": "youden", "n_validation": 3},
        {"positive": "sick", "threshold": "0.5", "rule": "youden", "n_validation": 3},
        {"positive": "sick", "threshold": True, "rule": "youden", "n_validation": 3},
    ],
)
def test_what_is_not_an_operating_point_is_an_error(block: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        OperatingPoint.from_dict(block, CLASSES)


def test_a_point_of_three_classes_is_an_error() -> None:
    point = chosen(VALIDATION, "youden")
    with pytest.raises(ValueError, match="these two classes"):
        OperatingPoint.from_dict(point.to_dict(), (*CLASSES, "other"))
    assert OperatingPoint.from_dict(replace(point, threshold=0.2).to_dict(), CLASSES) is not None


def test_an_export_takes_the_operating_point_along() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    point = OperatingPoint(positive="sick", threshold=0.2, rule="youden", n_validation=8)
    bundle = Bundle(
        model=model,
        architecture="smallcnn",
        classes=("sick", "well"),
        preprocess=Preprocess(height=2, width=2, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3),
        operating_point=point,
    )
    contract = json.loads(json.dumps(export_contract(bundle, versions={})))
    assert OperatingPoint.from_dict(contract["operating_point"], bundle.classes) == point
    without = export_contract(replace(bundle, operating_point=None), versions={})
    assert OperatingPoint.from_dict(without.get("operating_point"), bundle.classes) is None
