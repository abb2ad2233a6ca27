"""What stops a training at its split is what the check reports."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nunbit.cli import main
from nunbit.config import Config, load_config
from nunbit.data.split import write_manifest
from nunbit.errors import DataError
from nunbit.pipelines.check import check_data
from nunbit.pipelines.dataset import open_dataset
from nunbit.progress import Silent
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


def test_what_gives_a_test_part_is_said_as_it_is(tmp_path: Path) -> None:
    """More images help only where they are too few."""
    for name in ("cat", "dog"):
        write_images(tmp_path / "grouped" / name, {"g1": 6})
    config = load_config(
        data=str(tmp_path / "grouped"), recipe=None, settings={"data.group_from": "(.*)/g1"}
    )
    with pytest.raises(DataError) as failure:
        open_dataset(config, device=torch.device("cpu"))
    assert "at least three groups in each class" in failure.value.remedy


def test_data_that_changed_since_the_run_began(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", {"cat": 9, "dog": 9})
    config, cpu = settings(tmp_path / "photos"), torch.device("cpu")
    recorded = tmp_path / "split.csv"
    write_manifest(recorded, open_dataset(config, device=cpu).dataset.split)
    open_dataset(config, device=cpu, recorded=recorded)
    (tmp_path / "photos" / "cat" / "000.png").rename(tmp_path / "photos" / "cat" / "new.png")
    with pytest.raises(DataError, match="the data have changed since the run began") as failure:
        open_dataset(config, device=cpu, recorded=recorded)
    assert "begin a new run" in failure.value.remedy


def test_many_classes_without_a_test_image_are_one_line(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", {f"c{number}": 2 for number in range(12)} | {"big": 9})
    notes: list[str] = []

    class Notes(Silent):
        def note(self, message: str) -> None:
            notes.append(message)

    open_dataset(
        settings(tmp_path / "photos"), device=torch.device("cpu"), report=True, progress=Notes()
    )
    (line,) = [note for note in notes if "no image in some part" in note]
    assert line.startswith("warning: 12 classes have no image in some part, such as 'c0'")


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
