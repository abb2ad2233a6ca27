"""A setting that cannot be: the message names it, its value, and what it may be."""

from __future__ import annotations

from typing import Any

import pytest

from nunbit.config import Config, Section, load_config
from nunbit.config.allowed_values import OPTIONS
from nunbit.errors import ConfigError


def refused(settings: dict[str, Any], recipe: str | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_config(data=None, recipe=recipe, settings=settings)
    return caught.value


def every_setting() -> list[str]:
    keys = []
    for name, field in Config.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            keys += [f"{name}.{key}" for key in kind.model_fields]
        else:
            keys.append(name)
    return keys


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        (
            "training.epochs",
            0,
            "training.epochs (--epochs) to auto, or a whole number of at least 1",
        ),
        ("training.minutes", -1, "training.minutes (--minutes) to a number above 0"),
        ("training.momentum", "1", "training.momentum to a number of at least 0 and below 1"),
        ("pixels.background", 256, "pixels.background to a whole number from 0 to 255"),
        ("pixels.fit", "stretch", "pixels.fit (--fit) to auto, crop, pad or squash"),
        ("pixels.crop_share", 1.5, "to auto, or a number above 0 and at most 1"),
        ("pixels.mean", [1, 2, 3, 4], "to auto, or a list of 1 to 3, each a number"),
        ("model.dropout", [0.5, 7], "or a list, each a number from 0 to 1"),
        ("training.l1", "head.*=-1", "to a table from name to a number of at least 0"),
        ("seed", -1, "seed (--seed) to a whole number of at least 0"),
        ("data.header", "perhaps", "data.header to true or false"),
        ("device", 5, "device (--device) to a text"),
    ],
)
def test_what_a_setting_may_be(key: str, value: object, allowed: str) -> None:
    error = refused({key: value})
    assert error.what == f"{key} = {value!r} is not possible (in the settings)"
    assert error.remedy.endswith(allowed)


@pytest.mark.parametrize("key", every_setting())
def test_no_message_is_that_of_the_library(key: str) -> None:
    error = refused({key: [[None]]})
    assert error.what.startswith(f"{key} = [[None]] is not possible")
    assert "Input should" not in str(error)
    assert "valid" not in str(error).replace("validation", "")


def test_nunbits_own_reasons_are_shown() -> None:
    error = refused({"pixels.range": "9,3"})
    assert error.what.endswith("(in the settings): a range is LOW,HIGH, and HIGH is larger")
    assert "to auto, full, or a list of 2, each a number" in error.remedy
    error = refused({"pixels.mean": [0.5]})
    assert error.what == (
        "pixels.mean and pixels.std belong together: set both, or neither (in the settings)"
    )


def test_the_place_of_the_value_is_named(tmp_path: Any) -> None:
    """A recipe is blamed for what stands in it, and not for an option beside it."""
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[training]\nbatch_size = 0\n")
    assert refused({}, str(recipe)).what.endswith(f"(in {recipe})")
    recipe.write_text("[training]\nbatch_size = 10\n")
    assert refused({"training.epochs": 0}, str(recipe)).what.endswith("(in the settings)")


def test_options_are_named_beside_settings_that_there_are() -> None:
    assert set(OPTIONS) <= set(every_setting())
