"""`nunbit train --pretrained`: from packaged weights to a model that does without them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import nunbit as library
from nunbit.config import read_config
from tests.end_to_end.commands import nunbit_here
from tests.end_to_end.pieces import write_pieces


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pieces(tmp_path_factory.mktemp("pretrained") / "photos")


@pytest.fixture(scope="module")
def told(photos: Path) -> str:
    return nunbit_here(
        *("train", str(photos), "--pretrained", "efficientnet-lite0", "--image-size", "64"),
        *("--transfer", "all", "--verbose"),
        *(
            "--epochs",
            "6",
            "--out",
            "run",
            "--set",
            "training.batch_size=8",
            "--set",
            "training.l2=classifier=1e-4",
        ),
        cwd=photos.parent,
    )


@pytest.fixture(scope="module")
def run(told: str, photos: Path) -> Path:
    return photos.parent / "run"


def test_what_was_done_to_the_weights_is_said(told: str, run: Path) -> None:
    words = " ".join(told.split())
    assert "tensors of timm/efficientnet_lite0 start from efficientnet-lite0." in words
    assert (
        "The head (classifier.weight, classifier.bias) is new and small: the weights know 1,000"
        in words
    )
    assert "Learning rate 0.0005: pretrained weights need small steps." in words
    assert "The head (classifier.weight" in (run / "report.html").read_text(encoding="utf-8")
    card = (run / "model" / "README.md").read_text(encoding="utf-8")
    assert "from the pretrained weights efficientnet-lite0" in card


def test_it_learned(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert summary["pretrained"] == "efficientnet-lite0"
    assert summary["model"] == "timm/efficientnet_lite0"
    assert summary["test"]["accuracy"] >= 0.8


def test_the_bundle_keeps_the_weights_normalisation(run: Path) -> None:
    contract = json.loads((run / "model" / "nunbit.json").read_text(encoding="utf-8"))["preprocess"]
    assert (contract["mean"], contract["std"]) == ([0.5] * 3, [0.5] * 3)
    assert (contract["crop_share"], contract["interpolation"]) == (0.875, "bicubic")
    config = read_config(run / "config.toml")
    assert (config.pixels.fit, config.pixels.crop_share) == ("crop", 0.875)
    assert config.training.l2 == {"classifier": 1e-4}


def test_the_model_reloads_without_the_source_of_its_weights(
    run: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("efficientnet_lite0_pytorch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(
        "nunbit.models.pretrained.packaged.find_spec", lambda name: pytest.fail("looked for it")
    )
    classifier = library.load(run, device="cpu")
    files = sorted((photos / "flower").iterdir())
    assert (classifier.predict(files) == "flower").mean() >= 0.8


def test_a_run_is_a_source_of_weights_in_turn(run: Path, photos: Path) -> None:
    told = nunbit_here(
        *("train", str(photos), "--pretrained", str(run), "--transfer", "none"),
        *("--epochs", "1", "--out", "second"),
        cwd=photos.parent,
    )
    words = " ".join(told.split())
    assert "The head" not in words  # the same classes in the same order
    contract = json.loads((photos.parent / "second" / "model" / "nunbit.json").read_text())
    assert contract["preprocess"]["height"] == 64
    assert contract["preprocess"]["mean"] == [0.5] * 3


def test_a_finished_run_is_found_finished(run: Path) -> None:
    assert "already ended" in nunbit_here("train", "--resume", "--out", "run", cwd=run.parent)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--pretrained", "resnet18", "--model", "resnet50"), "are of torchvision/resnet18, not"),
        (("--pretrained", "efficientnet-lite0", "--set", "pixels.mean=[0.1]"), "belong together"),
    ],
)
def test_faults_are_told_before_the_images_are_read(
    photos: Path, options: tuple[str, ...], words: str
) -> None:
    told = nunbit_here("train", str(photos), *options, "--out", "none", cwd=photos.parent, code=2)
    assert words in " ".join(told.split())
    assert "images in 2 classes" not in told
