"""The names that other people's programs may rely on."""

from __future__ import annotations

import pytest

import nunbit

PUBLIC = (
    "Classifier",
    "Comparison",
    "Data",
    "EvaluatedCheckpoint",
    "NunbitError",
    "Run",
    "__version__",
    "checkpoint_names",
    "compare",
    "create_model",
    "evaluate_checkpoints",
    "feature_maps",
    "filters",
    "list_models",
    "load",
    "load_checkpoint",
    "load_data",
    "summarise",
    "train",
)


def test_public_names_are_pinned() -> None:
    assert sorted(nunbit.__all__) == list(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(nunbit, name)
    assert value.__doc__


def test_other_names_are_missing_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        nunbit.trian  # noqa: B018


def test_the_labs_have_public_names_of_their_own() -> None:
    import nunbit_labs as labs

    assert sorted(labs.__all__) == [
        "Lab",
        "Published",
        "accuracies",
        "augmented",
        "check",
        "open_lab",
        "style",
    ]
    assert all(getattr(labs, name).__doc__ for name in labs.__all__)
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        labs.chekc  # noqa: B018
