from __future__ import annotations

import pytest

from nunbit_labs import check


def wants_four(value: int) -> None:
    if value != 4:  # an assert of pytest's would have more to say
        raise AssertionError(f"{value} is not 4")


@pytest.mark.parametrize(
    ("answer", "state", "message"),
    [
        (None, "open", ""),
        (..., "open", ""),
        (4, "right", ""),
        (5, "wrong", "5 is not 4"),
    ],
)
def test_an_answer_is_open_right_or_wrong(answer: object, state: str, message: str) -> None:
    checked = check("sum", answer, wants_four)
    assert (checked.state, checked.message) == (state, message)


def test_a_test_may_also_return_its_verdict() -> None:
    assert check("a", 1, lambda value: value == 1).state == "right"
    assert check("a", 2, lambda value: value == 1).state == "wrong"
    assert check("a", 2, lambda value: "too large").message == "too large"
    assert check("a", 0, lambda value: value == 0).state == "right"


def test_an_answer_of_another_kind_is_wrong_not_fatal() -> None:
    checked = check("a", "text", lambda value: value + 1)
    assert checked.state == "wrong"
    assert checked.message.startswith("TypeError: ")
    assert checked.plain() == f"✗ exercise a: not yet. {checked.message}"
