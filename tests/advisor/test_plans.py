from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from nunbit.advisor.plans import (
    Proportion,
    advice_from_dict,
    depth,
    describe,
    proportion,
    rank,
    recommend,
    table_plan,
    verdict,
)
from nunbit.errors import DataError
from tests.advisor.advice import ADVICE, DIFFERENT, plan


@given(n=st.integers(1, 2000), data=st.data())
def test_a_share_has_wilsons_interval(n: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, n))
    found = proportion(correct, n)
    reference = binomtest(correct, n).proportion_ci(0.95, method="wilson")
    assert found.estimate == correct / n
    assert found.low == pytest.approx(reference.low, abs=1e-6)
    assert found.high == pytest.approx(reference.high, abs=1e-6)


def test_a_proportion_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="proportion of nothing"):
        proportion(0, 0)


def test_the_notes_table() -> None:
    assert table_plan(much=True, similar=True, stages="stages:2") == "last-stage"
    assert table_plan(much=False, similar=True, stages="stages:2") == "head"
    assert table_plan(much=True, similar=False, stages="stages:2") == "all"
    assert table_plan(much=False, similar=False, stages="stages:2") == "stages:2"
    assert ADVICE.table_plan == "head"
    assert DIFFERENT.table_plan == "stages:2"


def test_plans_in_words() -> None:
    assert describe("head") == "head"
    assert describe("last-stage") == "last stage and head"
    assert describe("stages:3") == "last 3 stages and head"
    assert describe("all") == "everything"
    assert describe("none") == "from scratch"


def test_plans_by_how_much_they_train() -> None:
    plans = ["all", "stages:3", "head", "stages:2", "last-stage"]
    assert sorted(plans, key=depth) == ["head", "last-stage", "stages:2", "stages:3", "all"]


def test_the_best_comes_first_and_of_equals_the_one_that_trains_less() -> None:
    plans = [plan("all", 0.9), plan("none", 0.95), plan("head", 0.9), plan("last-stage", 0.8)]
    assert [p.plan for p in rank(plans)] == ["none", "head", "all", "last-stage"]


def test_the_best_is_recommended_or_the_head_where_it_is_worth_as_much() -> None:
    close = [plan("all", 0.9), plan("last-stage", 0.899), plan("head", 0.894)]
    assert recommend(close).plan == "all"
    closer = [plan("all", 0.9), plan("last-stage", 0.899), plan("head", 0.896)]
    assert recommend(closer).plan == "head"
    alike = [plan("all", 0.9), plan("last-stage", 0.9), plan("head", 0.8)]
    assert recommend(alike).plan == "last-stage"
    assert recommend([plan("all", 0.9), plan("last-stage", 0.8)]).plan == "all"


def test_training_from_scratch_is_never_recommended() -> None:
    assert recommend([plan("none", 0.99), plan("head", 0.5)]).plan == "head"


def test_the_recommended_plans_expectation() -> None:
    assert ADVICE.expected.plan == "last-stage"
    assert ADVICE.expected.accuracy.estimate == 0.92


@pytest.mark.parametrize(
    ("test", "expected"),
    [((0.95, 0.99), "above"), ((0.93, 0.99), "met"), ((0.8, 0.9), "met"), ((0.7, 0.89), "below")],
)
def test_whether_an_expectation_was_met(test: tuple[float, float], expected: str) -> None:
    assert verdict(Proportion(estimate=0.92, low=0.9, high=0.94), test) == expected


def test_advice_survives_json() -> None:
    assert advice_from_dict(json.loads(json.dumps(ADVICE.to_dict()))) == ADVICE


def test_something_else_is_not_advice() -> None:
    content = ADVICE.to_dict()
    del content["heads"]
    with pytest.raises(DataError, match="this is not advice of nunbit: 'heads'") as caught:
        advice_from_dict(content)
    assert caught.value.remedy == "make it again with nunbit advise"
    with pytest.raises(DataError, match="not advice"):
        advice_from_dict({**ADVICE.to_dict(), "plans": [{"accuracy": {"estimate": 1}}]})


def test_advice_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        ADVICE.images = 3  # type: ignore[misc]
