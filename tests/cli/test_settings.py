from __future__ import annotations

import pytest

from nunbit.cli.settings import given_settings
from nunbit.errors import UsageError


def test_only_what_was_given_becomes_a_setting() -> None:
    options = {"training.epochs": 5, "model.name": None, "seed": 0}
    assert given_settings(options) == {"training.epochs": 5, "seed": 0}


def test_assignments_are_split_at_the_first_equals_sign() -> None:
    settings = given_settings({}, ["training.loss=cross-entropy", "data.label_from={label}=x.png"])
    assert settings == {
        "training.loss": "cross-entropy",
        "data.label_from": "{label}=x.png",
    }


@pytest.mark.parametrize("assignment", ["training.epochs", "=5", ""])
def test_what_is_not_an_assignment_is_rejected(assignment: str) -> None:
    with pytest.raises(UsageError, match="is not an assignment") as caught:
        given_settings({}, [assignment])
    assert "--set section.key=value" in caught.value.remedy


def test_a_setting_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match=r"training\.epochs is given twice: as 5 and as 6"):
        given_settings({"training.epochs": 5}, ["training.epochs=6"])
    with pytest.raises(UsageError, match="seed is given twice"):
        given_settings({}, ["seed=1", "seed=2"])
