"""The run's folder: whose it is, what is recorded, and who may write at one time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nunbit.config import Config, build_config, read_config
from nunbit.errors import RunInterrupted, UsageError
from nunbit.pipelines import train as spine
from nunbit.pipelines.run_folder import (
    RunFolder,
    alone_in,
    check_output_folder,
    claim,
    recorded_notes,
    resumable,
    run_name,
    save_config,
)
from nunbit.pipelines.training.resume import config_to_resume


def test_notes_stand_above_the_configuration_and_come_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert recorded_notes(folder) == []
    save_config(folder, Config(), notes=["model smallcnn: small images", "10 epochs"])
    assert recorded_notes(folder) == ["model smallcnn: small images", "10 epochs"]
    assert read_config(folder.config) == Config()


def test_names_are_claimed_one_after_the_other(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [claim("a/b").path.name for _ in range(3)] == ["a-b", "a-b-2", "a-b-3"]


@pytest.mark.parametrize(
    ("model", "mode", "expected"),
    [
        ("smallcnn", None, "photos-smallcnn"),
        ("timm/efficientnet_lite0", "head", "photos-head"),
        ("timm/efficientnet_lite0", "stages:2", "photos-stages-2"),
        ("timm/efficientnet_lite0", "auto", "photos-efficientnet_lite0"),
        ("resnet18", "none", "photos-resnet18"),
    ],
)
def test_a_name_says_what_a_run_does(model: str, mode: str | None, expected: str) -> None:
    assert run_name("photos", model, mode=mode) == expected


def test_only_the_start_of_a_run_may_be_written_over(tmp_path: Path) -> None:
    check_output_folder(tmp_path / "new")
    save_config(RunFolder(tmp_path), Config())
    check_output_folder(tmp_path)
    (tmp_path / "thesis.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="not empty"):
        check_output_folder(tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        check_output_folder(tmp_path / "thesis.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="no advisory locks on folders there")
def test_two_processes_do_not_work_in_one_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with (
        alone_in(folder),
        pytest.raises(UsageError, match="another process works in this run"),
        alone_in(folder),
    ):
        pass
    with alone_in(folder):
        pass


def test_a_run_that_another_process_ended_in_the_meantime_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the folder and its lock, weights may be downloaded for minutes."""
    folder = RunFolder(tmp_path / "run")

    def meanwhile(config: Config) -> None:
        if not folder.path.exists():
            folder.path.mkdir()
            save_config(folder, config)
            folder.summary.write_text("theirs", encoding="utf-8")

    monkeypatch.setattr(spine, "check_settings", meanwhile)
    with pytest.raises(UsageError, match="the output folder is not empty"):
        spine.train(Config(), out=folder.path)
    assert folder.summary.read_text(encoding="utf-8") == "theirs"
    assert {item.name for item in folder.path.iterdir()} == {"config.toml", "summary.json"}


def test_an_interruption_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(RunInterrupted) as caught, resumable(RunFolder(tmp_path)):
        raise KeyboardInterrupt
    assert f"nunbit train --resume --out {tmp_path}" in caught.value.remedy


def test_a_setting_given_on_resume_must_be_the_recorded_one(tmp_path: Path) -> None:
    """Also one that equals the default: only what was not given follows the record."""
    recorded = build_config({}, {"seed": 5, "training.epochs": 3}, origin="a test")
    same = build_config({}, {"training.epochs": 3}, origin="a test")
    assert config_to_resume(same, recorded, tmp_path) == recorded
    default = build_config({}, {"seed": 0}, origin="a test")
    with pytest.raises(UsageError, match="seed is 5, not 0"):
        config_to_resume(default, recorded, tmp_path)
