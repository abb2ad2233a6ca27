"""The configuration: round trip, precedence, and errors that help."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from nunbit.config import Config, build_config, load_config, read_config, recipe_names
from nunbit.errors import ConfigError


def test_toml_round_trip_keeps_every_value(tmp_path: Path) -> None:
    config = load_config(
        data="photos",
        recipe=None,
        settings={"training.minutes": "2.5", "pixels.image_size": (32, 48), "seed": "7"},
    )
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml(), encoding="utf-8")
    assert read_config(path) == config
    assert config.training.minutes == 2.5
    assert config.pixels.image_size == (32, 48)
    assert config.seed == 7


def test_a_configuration_never_changes() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Config().seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("training.epoch", "did you mean training.epochs?"),
        ("trainng.batch_size", "did you mean training.batch_size?"),
        ("epochs", "did you mean training.epochs?"),
        ("sed", "did you mean seed?"),
        ("modle.name", "did you mean model.name?"),
    ],
)
def test_an_unknown_key_suggests_the_right_one(key: str, suggestion: str) -> None:
    with pytest.raises(ConfigError, match=f"there is no setting '{key}'") as caught:
        load_config(data=None, recipe=None, settings={key: 1})
    assert suggestion in str(caught.value)


def test_an_unknown_key_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[training]\nepoch = 3\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(data=None, recipe=str(path), settings={})
    assert str(path) in str(caught.value)
    assert "training.epochs" in caught.value.remedy


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("training.epochs", "0", "a whole number of at least 1"),
        ("training.epochs", "many", "a whole number of at least 1"),
        ("pixels.fit", "stretch", "crop, pad or squash"),
        ("split.test_fraction", "1.5", "a number above 0 and below 1"),
        ("seed", "-1", "a whole number of at least 0"),
        ("training.minutes", "inf", "a number above 0"),
        ("training.learning_rate", "inf", "a number above 0"),
        ("checkpoint.template", "{foo}", "fields: epoch, train_loss"),
        ("checkpoint.template", "{epoch.foo}", "fields: epoch, train_loss"),
    ],
)
def test_an_impossible_value_names_key_value_and_choices(key: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(data=None, recipe=None, settings={key: value})
    assert key in caught.value.what
    assert repr(value) in caught.value.what
    assert words in str(caught.value)


def test_a_section_is_no_setting() -> None:
    with pytest.raises(ConfigError, match="'training' is a section"):
        load_config(data=None, recipe=None, settings={"training": 3})


def test_epochs_and_minutes_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="exclude each other"):
        load_config(data=None, recipe=None, settings={"training.epochs": 1, "training.minutes": 1})


def test_the_later_word_on_the_length_wins() -> None:
    tree = {"training": {"epochs": 5}}
    by_minutes = build_config(tree, {"training.minutes": 2}, origin="a test")
    assert (by_minutes.training.epochs, by_minutes.training.minutes) == ("auto", 2)
    back = by_minutes.with_settings({"training.epochs": 3})
    assert (back.training.epochs, back.training.minutes) == (3, None)


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="there is no recipe 'fashon-cnn'") as caught:
        load_config(data=None, recipe="fashon-cnn", settings={})
    assert "did you mean fashion-cnn?" in caught.value.remedy


def test_every_recipe_is_valid_and_says_what_it_is_for() -> None:
    assert recipe_names()
    for name in recipe_names():
        config = load_config(data=None, recipe=name, settings={})
        assert config.data.path, name


@pytest.mark.parametrize("content", [b"[training\n", b"\xff\xfe\x00"])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        read_config(path)
    assert caught.value.path == str(path)


def test_an_image_side_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"pixels\.image_size = \[0, 5\] is not possible"):
        load_config(data=None, recipe=None, settings={"pixels.image_size": "[0, 5]"})


def test_a_section_that_is_a_single_value_in_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("training = 5\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="training = 5 is not possible"):
        load_config(data=None, recipe=str(path), settings={"training.batch_size": 3})
