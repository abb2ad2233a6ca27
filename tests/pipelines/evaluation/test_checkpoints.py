from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, log_loss

import nunbit
from nunbit.cli import main
from nunbit.data.split import read_manifest
from nunbit.data.storage import ImageArrays
from nunbit.errors import CheckpointError, UsageError


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four epochs of a small network on the digits, each kept."""
    settings = {
        "checkpoint.keep": "every",
        "split.max_validation": 100,
        "training.batch_size": 64,
        "training.optimizer": "sgd",
        "training.learning_rate": 0.02,
    }
    out = tmp_path_factory.mktemp("checkpoints") / "run"
    nunbit.train("digits", model="mlp-100", epochs=4, out=out, settings=settings)
    return out


def test_every_epoch_is_there_in_order(run: Path) -> None:
    names = nunbit.checkpoint_names(run)
    assert [name.partition("-")[0] for name in names] == [
        *(f"epoch{number:03d}" for number in range(1, 5)),
        "best",
        "last",
    ]


def test_a_loaded_checkpoint_has_the_weights_of_its_file(run: Path) -> None:
    first = nunbit.checkpoint_names(run)[0]
    classifier = nunbit.load_checkpoint(run, first)
    saved = load_file(run / "checkpoints" / "epochs" / first / "weights.safetensors")
    assert all(torch.equal(saved[k], v) for k, v in classifier.model.state_dict().items())
    assert classifier.bundle.temperature == 1.0
    assert not classifier.bundle.thresholds
    last = nunbit.load_checkpoint(run, "last").model.state_dict()
    assert not all(torch.equal(last[k], saved[k]) for k in saved)


def test_validation_numbers_are_those_of_the_training(run: Path) -> None:
    found = nunbit.evaluate_checkpoints(run)
    recorded = {f"{e.epoch:03d}": e.accuracy for e in found if e.name.startswith("epoch")}
    assert len(recorded) == 4
    for item in found[:4]:  # the accuracy that training wrote into the name
        assert item.accuracy == pytest.approx(float(item.name.rpartition("-")[2]), abs=5e-5)
        assert (item.part, item.n) == ("validation", 100)
    best, last = found[-2:]
    assert best.accuracy >= max(recorded.values()) - 0.05
    assert (last.epoch, last.accuracy) == (4, recorded["004"])


def test_test_numbers_are_those_of_scikit_learn(run: Path) -> None:
    item = nunbit.evaluate_checkpoints(run, part="test")[0]
    digits = nunbit.load_data("digits").samples
    split = read_manifest(run / "split.csv")
    test = split.indices("test")
    assert split.paths == digits.paths
    assert isinstance(digits.images, ImageArrays)
    images = digits.images.array[test]
    said = nunbit.load_checkpoint(run, item.name).predict_proba(images)
    truth = digits.labels[test]
    assert item.n == len(test)
    assert item.accuracy == pytest.approx(accuracy_score(truth, said.argmax(axis=1)))
    assert item.loss == pytest.approx(log_loss(truth, said), rel=1e-5)


def test_the_command_prints_a_table(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run), "--checkpoints", "test", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert out.count("epoch00") == 4
    assert "the best of many test results is biased" in out


def test_what_is_not_there_is_said(run: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint 'epoch9'") as caught:
        nunbit.load_checkpoint(run, "epoch9")
    assert "best, last" in caught.value.remedy
    with pytest.raises(UsageError, match="no part 'train'"):
        nunbit.evaluate_checkpoints(run, part="train")  # type: ignore[arg-type]
    bare = shutil.copytree(run, tmp_path / "bare")
    shutil.rmtree(bare / "checkpoints")
    for place in (bare, run / "model"):
        with pytest.raises(CheckpointError, match="no checkpoints here") as caught:
            nunbit.evaluate_checkpoints(place)
        assert "the folder of a run" in caught.value.remedy


def test_a_damaged_checkpoint_is_refused(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    weights = copy / "checkpoints" / "last" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(CheckpointError, match="damaged weights"):
        nunbit.load_checkpoint(copy, "last")
