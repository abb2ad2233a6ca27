"""The question "did you mean ...?"."""

from __future__ import annotations

import pytest

from nunbit.suggest import near_names, suggest


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hed", "did you mean head? modes: head, all"),
        ("zzz", "modes: head, all"),
        ("", "modes: head, all"),
    ],
)
def test_the_question_and_what_follows_it(name: str, expected: str) -> None:
    assert suggest(name, ("head", "all"), rest="modes: head, all") == expected


def test_without_a_rest_the_question_stands_alone_or_nothing_does() -> None:
    assert suggest("cta", ["cat", "dog"], form="'{}'") == "did you mean 'cat'?"
    assert suggest("lable", ["label"], form="{{{}}}") == "did you mean {label}?"
    assert suggest("zebra", ["cat", "dog"]) == ""


def test_several_are_joined_nearest_first() -> None:
    options = ["resnet18", "resnet34", "resnet81a", "vgg"]
    assert near_names("resnet81", options, limit=2) == ["resnet81a", "resnet18"]
    assert suggest("resnet81", options, limit=2) == "did you mean resnet81a or resnet18?"


def test_what_is_preferred_comes_first_among_near_names_only() -> None:
    options = ["resnet81a", "resnet18", "resnet34", "vgg"]
    installed = {"resnet34", "vgg"}
    assert near_names("resnet81", options, prefer=installed.__contains__) == ["resnet34"]
