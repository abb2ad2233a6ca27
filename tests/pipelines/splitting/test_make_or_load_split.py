"""What stops a training at its split is what the check reports."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nunbit.cli import main
from nunbit.config import Config, load_config
from nunbit.errors import DataError
from nunbit.pipelines.check import check_data
from nunbit.pipelines.dataset import open_dataset
from tests.fixtures_data import write_images


def settings(folder: Path) -> Config:
    return load_config(data=str(folder), recipe=None, settings={})


def test_too_few_images_are_an_error_of_the_check_too(tmp_path: Path, capsys) -> None:
    for name in ("cat", "dog"):
        write_images(tmp_path / "photos", {name: 2})
    config = settings(tmp_path / "photos")
    with pytest.raises(DataError, match="too few images to keep some for the test"):
        open_dataset(config, device=torch.device("cpu"))
    diagnosis = check_data(config)
    assert set(diagnosis.split.parts) == {"train", "validation"}
    first = diagnosis.findings[0]
    assert first.severity == "error"
    assert "too few images" in first.title
    assert main(["check", str(tmp_path / "photos")]) == 1
    assert main(["train", str(tmp_path / "photos"), "--out", str(tmp_path / "run")]) == 2
    assert "too few images" in capsys.readouterr().err


def test_a_class_whose_images_are_all_broken_stops_the_training(tmp_path: Path, capsys) -> None:
    write_images(tmp_path / "photos", {"cat": 30, "dog": 30})
    (tmp_path / "photos" / "emu").mkdir()
    (tmp_path / "photos" / "emu" / "1.png").write_bytes(b"\x89PNG broken")
    assert main(["train", str(tmp_path / "photos"), "--out", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert "no usable training image: emu" in told
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert main(["check", str(tmp_path / "photos")]) == 1


def test_enough_images_give_no_error(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", {"cat": 10, "dog": 10})
    config = settings(tmp_path / "photos")
    dataset = open_dataset(config, device=torch.device("cpu")).dataset
    diagnosis = check_data(config)
    assert diagnosis.split == dataset.split
    assert all(finding.severity != "error" for finding in diagnosis.findings)
