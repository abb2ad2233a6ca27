"""Resuming keeps the recorded settings, and repeating the command that began a run is no change."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from nunbit.config import Config
from nunbit.errors import UsageError
from nunbit.pipelines.run_folder import RunFolder, resume_command
from nunbit.pipelines.training.resume import config_to_resume, recorded_config

RUN = Path("runs/x")


def settings(**values: object) -> Config:
    return Config().with_settings({k.replace("__", "."): v for k, v in values.items()})


@pytest.mark.parametrize("recorded", [32, (32, 32)])
@pytest.mark.parametrize("wanted", [32, (32, 32), "auto"])
def test_the_same_image_size_in_another_form_is_no_change(recorded: object, wanted: object) -> None:
    """A run records (height, width) of the one number that the user gave."""
    config = config_to_resume(
        settings(pixels__image_size=wanted), settings(pixels__image_size=recorded), RUN
    )
    assert config.pixels.image_size in (32, (32, 32))


@pytest.mark.parametrize("recorded", [32, (32, 48), (48, 48)])
def test_another_image_size_is_refused(recorded: object) -> None:
    with pytest.raises(UsageError, match=r"pixels\.image_size is .*, not \(64, 64\)"):
        config_to_resume(
            settings(pixels__image_size=64), settings(pixels__image_size=recorded), RUN
        )


def test_what_is_left_out_comes_from_the_record() -> None:
    recorded = settings(seed=5, training__epochs=7)
    assert config_to_resume(Config(), recorded, RUN) == recorded


def test_the_command_can_be_pasted_whatever_the_folder_is_called() -> None:
    words = shlex.split(resume_command(Path("my runs/it's $1")))
    assert words == ["nunbit", "train", "--resume", "--out", "my runs/it's $1"]


def test_the_command_that_began_a_run_of_the_adviser_can_be_repeated() -> None:
    """It chose the head, for which images are seen once, and laid the augmentation aside."""
    given = settings(model__pretrained="efficientnet-lite0", augment__preset="photos")
    recorded = given.with_settings({"transfer.mode": "head", "augment.preset": "none"})
    assert config_to_resume(given, recorded, RUN) == recorded
    tuned = given.with_settings({"transfer.mode": "all", "augment.preset": "clothes"})
    with pytest.raises(UsageError, match=r"augment\.preset is 'clothes', not 'photos'"):
        config_to_resume(given, tuned, RUN)


def test_a_run_from_before_ranges_were_stated_goes_on_with_the_full_one(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[pixels]\nimage_size = 20\n", encoding="utf-8")
    assert recorded_config(RunFolder(tmp_path)).pixels.range == "full"
    file.write_text('[pixels]\nrange = "auto"\n', encoding="utf-8")
    assert recorded_config(RunFolder(tmp_path)).pixels.range == "auto"
