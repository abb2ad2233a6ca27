"""The check from DATA to its diagnosis, with the settings of a training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nunbit.cli import main
from nunbit.config import load_config
from nunbit.errors import UsageError
from nunbit.pipelines import check as checking
from nunbit.pipelines.check import check_data
from nunbit.pipelines.dataset import open_dataset
from tests.fixtures_data import write_images


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return write_images(tmp_path / "pets", {"cat": 20, "dog": 20}, size=(12, 12))


def test_the_parts_are_those_of_a_training(pets: Path) -> None:
    config = load_config(data=str(pets), recipe=None, settings={"seed": 7})
    diagnosis = check_data(config)
    assert diagnosis.split == open_dataset(config, device=torch.device("cpu")).dataset.split
    assert diagnosis.preprocess.mean != (0.0,) * 3
    assert list(diagnosis.seconds)[:3] == ["files", "decode", "split"]


def test_a_name_that_is_no_backbone_is_told_before_the_images_are_read(
    pets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(checking, "inspect_data", never)
    assert main(["check", str(pets), "--backbone", "efficientnet-lite9"]) == 2
    assert "efficientnet-lite9" in capsys.readouterr().err


def test_quick_and_a_backbone_exclude_each_other(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "Backbone", lambda name, device: object())
    config = load_config(data=str(pets), recipe=None, settings={})
    with pytest.raises(UsageError, match="--quick looks at no pixels"):
        check_data(config, quick=True, backbone="something")


def test_quick_finds_less_and_the_page_can_still_be_made(
    pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (12, 12)).save(pets / "cat" / "black.png")
    page = tmp_path / "quick.html"
    assert main(["check", str(pets), "--quick", "--json", "--page", str(page)]) == 0
    quick = json.loads(capsys.readouterr().out)
    assert main(["check", str(pets), "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert "one-colour" not in {finding["kind"] for finding in quick["findings"]}
    assert "one-colour" in {finding["kind"] for finding in whole["findings"]}
    assert (quick["statistics"], quick["usable"]) == (None, whole["usable"])
    assert "Only the quick part was done" in page.read_text()


def test_a_backbone_gives_the_features(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mean:
        name = "the mean"

        def __call__(self, canvases: np.ndarray) -> np.ndarray:
            return canvases.mean(axis=(1, 2)).astype(np.float32)

    monkeypatch.setattr(checking, "Backbone", lambda name, device: Mean())
    config = load_config(data=str(pets), recipe=None, settings={})
    (remark,) = check_data(config, backbone="any").remarks
    assert "3 features of each image: the network the mean" in remark


def test_a_list_of_the_check_serves_a_training(
    pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (12, 12)).save(pets / "cat" / "black.png")
    fixes = tmp_path / "fix.csv"
    assert main(["check", str(pets), "--fix-list", str(fixes)]) == 0
    assert "proposed" not in capsys.readouterr().out
    words = ["train", str(pets), "--corrections", str(fixes), "--out", str(tmp_path / "run")]
    assert main([*words, "--model", "smallcnn", "--epochs", "1", "-q"]) == 0
    manifest = (tmp_path / "run" / "split.csv").read_text()
    assert "excluded by the corrections: one colour only" in manifest


def test_a_class_that_holds_another_ones_pictures_is_named_and_kept(
    pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(pets / "cat", pets / "kitten")
    fixes = tmp_path / "fix.csv"
    assert main(["check", str(pets), "--quick", "--fix-list", str(fixes)]) == 0
    printed = capsys.readouterr().out
    assert "a fix list would empty 2 classes, so it proposes nothing for them" in printed
    assert "cat (20 images like kitten), kitten (20 images like cat)" in printed
    assert fixes.read_text() == "path,action,label,new_label,reason\n"


def test_what_the_user_has_left_out_is_no_fault_of_the_data(pets: Path, tmp_path: Path) -> None:
    fixes = tmp_path / "fix.csv"
    fixes.write_text("path,action,label,new_label,reason\ncat/001.png,exclude,cat,,ugly\n")
    config = load_config(data=str(pets), recipe=None, settings={"data.corrections": str(fixes)})
    of_kind = {finding.kind: finding for finding in check_data(config, quick=True).findings}
    assert "unusable-files" not in of_kind
    left_out = of_kind["left-out-files"]
    assert left_out.severity == "note"
    assert left_out.title == "1 of 40 files is left out, as your table, options or corrections say"
    assert left_out.everything == ("cat/001.png (excluded by the corrections: ugly)",)
