"""`nunbit train --transfer`: what learns does, what does not stays, and a run can be resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import nunbit as library
from nunbit.config import read_config
from nunbit.models.create import create_model
from tests.end_to_end.commands import nunbit_here
from tests.end_to_end.pieces import write_pieces
from tests.end_to_end.test_kill_and_resume import killed_when, outcome

LITE = ("--pretrained", "efficientnet-lite0", "--image-size", "64")
HEAD = "classifier."
LAST = ("blocks.5.", "blocks.6.", "conv_head.", "bn2.", HEAD)
"""What the head and the last stage of EfficientNet-lite0 are called."""
BEFORE = ("blocks.3.", "blocks.4.")
"""The stage before."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("transfer")
    write_pieces(home / "photos")
    return home


def trained(home: Path, name: str, *options: str) -> tuple[Path, str]:
    told = nunbit_here("train", "photos", *LITE, "--out", name, "--verbose", *options, cwd=home)
    return home / name, " ".join(told.split())


def summary_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "summary.json").read_text(encoding="utf-8"))


def changed(run: Path) -> set[str]:
    """Tensors of the bundle, statistics included, that are not the pretrained ones bit for bit."""
    first = create_model(
        "timm/efficientnet_lite0", classes=1000, pretrained="efficientnet-lite0"
    ).state_dict()
    now = load_file(run / "model" / "model.safetensors")
    return {
        name
        for name, values in now.items()
        if name not in first or not np.array_equal(values, first[name].numpy())
    }


@pytest.fixture(scope="module")
def head(home: Path) -> tuple[Path, str]:
    return trained(home, "head", "--transfer", "head")


def test_a_head_is_fitted_and_the_backbone_stays_to_the_last_bit(head: tuple[Path, str]) -> None:
    run, told = head
    assert changed(run) == {"classifier.weight", "classifier.bias"}
    assert "The head (logistic) is fitted on 1,280 features of 30 images" in told
    assert "less than half of the 224 × 224" in told
    config = read_config(run / "config.toml")
    assert (config.transfer.mode, config.augment.preset) == ("head", "none")


def test_a_fitted_head_leaves_what_any_run_leaves(head: tuple[Path, str]) -> None:
    run, _ = head
    (line,) = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    summary = summary_of(run)
    assert json.loads(line)["validation_accuracy"] == summary["validation"]["accuracy"]
    facts = summary["transfer"]
    assert (facts["mode"], facts["head"], facts["chosen_by"]) == ("head", "logistic", "validation")
    assert facts["stages"] == 5
    assert sum(point["chosen"] for point in facts["path"]) == 1
    assert summary["test"]["accuracy"] >= 0.8
    assert {path.name for path in run.iterdir()} >= {
        *("config.toml", "split.csv", "metrics.jsonl", "summary.json", "predictions.csv"),
        *("report.html", "checkpoints", "model", "transfer.json"),
    }
    assert (run / "checkpoints" / "best" / "weights.safetensors").is_file()


def test_the_bundle_is_one_ordinary_network(head: tuple[Path, str], home: Path) -> None:
    run, _ = head
    classifier = library.load(run, device="cpu")
    files = sorted((home / "photos" / "flower").iterdir())
    assert (classifier.predict(files) == "flower").mean() >= 0.8
    again = nunbit_here("evaluate", "head", "--out", "again", cwd=home)
    assert "test accuracy" in again
    assert summary_of(home / "again")["test"] == summary_of(run)["test"]


def test_the_second_time_nothing_passes_through_the_backbone(
    head: tuple[Path, str], home: Path
) -> None:
    run, told = head
    again, told_again = trained(home, "head-again", "--transfer", "head")
    assert "features: " in told
    assert "features: " not in told_again
    assert (again / "model" / "model.safetensors").read_bytes() == (
        run / "model" / "model.safetensors"
    ).read_bytes()


def test_a_head_killed_after_its_fit_is_not_fitted_again(home: Path) -> None:
    run = home / "killed-head"
    arguments = ("train", "photos", *LITE, "--transfer", "head", "--out", "killed-head")
    killed = killed_when("when an epoch has ended", *arguments, cwd=home)
    told = nunbit_here("train", "--resume", "--out", "killed-head", cwd=home)
    assert killed
    assert "is fitted on 1,280 features" not in told
    assert outcome(run)["weights"] == outcome(home / "head")["weights"]


TUNING = (
    *("--transfer", "stages:2", "--epochs", "3"),
    *("--set", "training.batch_size=8", "--set", "transfer.unfreeze_epochs=1"),
)


@pytest.fixture(scope="module")
def tuned(home: Path) -> tuple[Path, str]:
    return trained(home, "tuned", *TUNING)


def test_two_stages_learn_and_nothing_before_them(tuned: tuple[Path, str]) -> None:
    run, told = tuned
    names = changed(run)
    assert {name for name in names if not name.startswith(LAST)}
    assert all(name.startswith((*LAST, *BEFORE)) for name in names)
    assert not any("running" in name for name in names)  # few images: statistics stay, too
    assert "Batch normalisation keeps the statistics of the pretrained weights" in told
    assert "so the stages that do not learn see each image once" in told
    assert len((run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()) == 3


def test_tuning_is_not_worse_than_its_head_on_the_validation_part(tuned, head) -> None:
    fitted = next(p for p in summary_of(head[0])["transfer"]["path"] if p["chosen"])
    assert summary_of(tuned[0])["validation"]["accuracy"] >= fitted["accuracy"]


def test_the_head_before_the_tuning_is_a_baseline(tuned, head) -> None:
    fitted, baselines = summary_of(head[0]), summary_of(tuned[0])["baselines"]
    (probe,) = [entry for entry in baselines if entry["kind"] == "linear-probe"]
    assert probe["accuracy"] == fitted["test"]["accuracy"]  # the same head, by a run of its own
    assert probe["n"] == fitted["n"]["test"]
    assert "1,280 pretrained features, before the tuning" in probe["detail"]
    assert "linear-probe" not in [entry["kind"] for entry in fitted["baselines"]]


@pytest.mark.slow  # tests/finetune stops and resumes a small network at any batch
def test_killed_and_resumed_tuning_ends_bit_for_bit_the_same(
    home: Path, tuned: tuple[Path, str]
) -> None:
    run = home / "killed"
    arguments = ("train", "photos", *LITE, "--out", "killed", *TUNING)
    killed = killed_when("when an epoch has ended", *arguments, cwd=home)
    nunbit_here("train", "--resume", "--out", "killed", cwd=home)
    assert killed
    assert outcome(run) == outcome(tuned[0])


def test_a_hidden_layer_travels_with_the_bundle(home: Path) -> None:
    run, told = trained(
        home, "deeper", "--transfer", "stages:1", "--epochs", "1", "--set", "transfer.head=mlp"
    )
    contract = json.loads((run / "model" / "nunbit.json").read_text(encoding="utf-8"))
    assert contract["model_options"]["head_hidden"] > 0
    assert "The head (mlp) is fitted on" in told
    files = sorted((home / "photos" / "flower").iterdir())
    assert all(name.startswith(LAST) for name in changed(run))
    assert library.load(run, device="cpu").predict_proba(files).shape == (24, 2)


def test_contradictions_are_told_before_the_images_are_read(home: Path) -> None:
    told = nunbit_here("train", "photos", "--transfer", "head", "--out", "none", cwd=home, code=2)
    assert "transfer.mode = 'head' needs pretrained weights" in " ".join(told.split())
    assert "images in 2 classes" not in told
    assert not (home / "none").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "lever"),
    [
        ("head", "training.class_weights=temple=4"),
        ("last-stage", "training.sampling=balanced"),
        ("last-stage", "training.logit_adjustment=1"),
        ("auto", "training.class_weights=temple=4"),
    ],
)
def test_levers_for_rare_classes_go_with_every_way_of_training(
    mode: str, lever: str, home: Path
) -> None:
    name = f"{mode}-{lever.partition('=')[0]}"
    levers = ("--set", lever, "--set", "training.prior_correction=true")
    run, _ = trained(home, name, "--transfer", mode, "--epochs", "2", *levers)
    summary = summary_of(run)
    assert "probabilities were corrected back" in summary["class_balance"]
    assert summary["test"]["accuracy"] >= 0.7
    bundle = library.load(run, device="cpu").bundle
    assert bundle.operating_point is not None
