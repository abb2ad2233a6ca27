"""The rule of the operating point that the settings of a run ask for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nunbit.config import build_config
from nunbit.errors import ConfigError, UsageError
from nunbit.pipelines.training.operating_rule import OperatingRule, operating_rule_of


def rule(labels: list[int], classes: tuple[str, ...] = ("sick", "well"), **settings: object):
    given = {f"training.{key}": value for key, value in settings.items()}
    training = build_config({}, given, origin="the test").training
    rows = np.arange(len(labels))
    dataset: Any = SimpleNamespace(
        labels=np.array(labels), classes=classes, rows=lambda part: rows if part == "train" else []
    )
    return operating_rule_of(training, dataset)


def test_the_positive_class_is_the_rarer_one_in_training_or_named() -> None:
    assert rule([0, 1, 1]) == OperatingRule(positive="sick", rule="youden")
    assert rule([0, 0, 1]) == OperatingRule(positive="well", rule="youden")
    assert rule([0, 1]) == OperatingRule(positive="well", rule="youden")
    named = rule([0, 0, 1], positive_class="sick", operating_point="sensitivity:0.95")
    assert named == OperatingRule(positive="sick", rule="sensitivity:0.95")


def test_other_classes_have_none_and_say_so_where_one_is_wanted() -> None:
    three = ("a", "b", "c")
    assert rule([0, 1, 2], three) is None
    assert rule([0, 1, 2], three, operating_point="none") is None
    assert rule([0, 1], operating_point="none") is None
    for settings in ({"operating_point": "youden"}, {"positive_class": "a"}):
        with pytest.raises(UsageError, match="is about two classes, and these data have 3"):
            rule([0, 1, 2], three, **settings)
    with pytest.raises(UsageError, match="not a class of the data: ill") as caught:
        rule([0, 1], positive_class="ill")
    assert "sick and well" in caught.value.remedy


@pytest.mark.parametrize("given", ["best", "sensitivity:0", "sensitivity:1.1", "sensitivity:nan"])
def test_rules_that_there_are_not(given: str) -> None:
    with pytest.raises(ConfigError, match=r"training\.operating_point"):
        rule([0, 1], operating_point=given)
