from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nunbit.cli import main
from nunbit.config import Config
from nunbit.errors import RunInterrupted
from nunbit.progress import SILENT, Progress
from tests.cli.conftest import FakeModule

SUMMARY = {
    "model": "smallcnn",
    "n": {"train": 1078, "validation": 359, "test": 360, "excluded": 2},
    "test": {
        "accuracy": 0.975,
        "accuracy_ci95": [0.953, 0.987],
        "macro_f1": 0.97431,
        "loss": 0.0812,
        "per_class": {"[b]cat": {"n": 190}, "dog": {"n": 170}},
    },
    "seconds": {"total": 65.2},
}


@dataclass
class Spine:
    """Remembers how the spine was called."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None

    def train(self, config: Config, **options: Any) -> Any:
        return self._run("train", config=config, **options)

    def resume(self, out: Path, **options: Any) -> Any:
        return self._run("resume", out=out, **options)

    def _run(self, function: str, *, progress: Progress, **options: Any) -> Any:
        self.calls.append({"function": function, "progress": progress, **options})
        progress.note("a note of the run")
        progress.detail("a detail of the run")
        progress.training_started(model="smallcnn", epochs=1, minutes=None)
        progress.epoch_ended({"epoch": 1, "train_loss": 0.5, "seconds": 1.0})
        if self.error is not None:
            raise self.error
        progress.training_ended()
        return type("Run", (), {"folder": Path("runs/x"), "summary": SUMMARY})


@pytest.fixture
def spine(fake_module: FakeModule) -> Spine:
    spine = Spine()
    fake_module("nunbit.pipelines.train", train=spine.train, resume=spine.resume)
    return spine


def test_a_training_ends_with_a_table_and_the_report(
    spine: Spine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs/x").mkdir(parents=True)
    Path("runs/x/report.html").touch()
    assert main(["train", "photos"]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "note: a note of the run",
        "training smallcnn for 1 epoch",
        "epoch 1/1  loss 0.5000  1.0 s",
    ]
    assert [line.rstrip() for line in out.splitlines()] == [
        "model          smallcnn",
        "images         1,078 train, 359 validation, 360 test, 2 excluded",
        "test accuracy  97.5 %  (95 %: 95.3 % to 98.7 %)",
        "macro F1       0.9743",
        "baseline       52.8 %  (always answering [b]cat)",
        "loss           0.0812",
        "time           1 min 5 s",
        "report: runs/x/report.html",
        "next:",
        "  nunbit predict runs/x new.jpg",
        "  nunbit explain runs/x new.jpg",
    ]


def test_details_are_printed_when_asked_for(
    spine: Spine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "photos", "--verbose"]) == 0
    assert "note: a detail of the run\n" in capsys.readouterr().err


def test_quiet_prints_nothing_at_all(spine: Spine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "photos", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert spine.calls[0]["progress"] is SILENT


def test_every_option_reaches_its_setting(spine: Spine) -> None:
    words = shlex.split(
        "train photos --model lenet5 --epochs 3 --seed 7 --device cpu --image-size 48 --fit pad "
        "--augment none --split parts.csv --corrections fix.csv --label-map m.csv "
        "--label-from '{label}.{number}.jpg' "
        "--group-from 'patient(\\d+)' --out 'runs/my run' --pretrained efficientnet-lite0 "
        "--set training.batch_size=32 --set data.max_bad_fraction=0.5"
    )
    assert main(words) == 0
    (call,) = spine.calls
    config = call["config"]
    assert (config.data.path, config.model.name) == ("photos", "lenet5")
    assert config.model.pretrained == "efficientnet-lite0"
    assert (config.training.epochs, config.training.batch_size) == (3, 32)
    assert (config.seed, config.device) == (7, "cpu")
    assert (config.pixels.image_size, config.pixels.fit) == (48, "pad")
    assert config.augment.preset == "none"
    assert (config.data.manifest, config.data.label_map) == ("parts.csv", "m.csv")
    assert config.data.corrections == "fix.csv"
    assert (config.data.label_from, config.data.group_from) == (
        "{label}.{number}.jpg",
        "patient(\\d+)",
    )
    assert config.data.max_bad_fraction == 0.5
    assert (call["out"], call["resume"]) == (Path("runs/my run"), False)
    assert shlex.split(call["command"]) == ["nunbit", *words]


def test_minutes_take_the_place_of_epochs(spine: Spine) -> None:
    assert main(["train", "photos", "--minutes", "1.5"]) == 0
    assert spine.calls[0]["config"].training.minutes == 1.5


def test_a_recipe_can_name_the_data(spine: Spine, tmp_path: Path) -> None:
    recipe = tmp_path / "config.toml"
    recipe.write_text('seed = 5\n[data]\npath = "photos"\n[training]\nepochs = 4\n')
    assert main(["train", "--recipe", str(recipe), "--epochs", "2"]) == 0
    config = spine.calls[0]["config"]
    assert (config.data.path, config.seed, config.training.epochs) == ("photos", 5, 2)


def test_resuming_needs_the_folder_alone(spine: Spine) -> None:
    assert main(["train", "--resume", "--out", "runs/x"]) == 0
    (call,) = spine.calls
    assert (call["function"], call["out"], call["settings"]) == ("resume", Path("runs/x"), {})


def test_resuming_with_data_passes_both_on(spine: Spine) -> None:
    assert main(["train", "photos", "--resume", "--out", "runs/x", "--epochs", "9"]) == 0
    (call,) = spine.calls
    assert (call["function"], call["resume"], call["out"]) == ("train", True, Path("runs/x"))


def test_an_interrupted_run_says_how_to_go_on(
    spine: Spine, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "nunbit train --resume --out runs/x"
    spine.error = RunInterrupted("stopped after epoch 1", path="runs/x", remedy=command)
    assert main(["train", "photos"]) == 130
    assert capsys.readouterr().err.endswith(
        f"\nstopped after epoch 1\n  where: runs/x\n  what to do: {command}\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"], "DATA is missing"),
        (["train", "x", "--resume"], "--resume does not say which run"),
        (["train", "x", "--epochs", "2", "--minutes", "2"], "exclude each other"),
        (["train", "x", "--epochs", "0"], "training.epochs"),
        (["train", "x", "--fit", "stretch"], "pixels.fit = 'stretch'"),
        (["train", "x", "--set", "training.epoch=2"], "no setting 'training.epoch'"),
        (["train", "x", "--set", "training.epochs"], "is not an assignment"),
        (["train", "x", "--seed", "1", "--set", "seed=2"], "is given twice"),
        (["train", "x", "--recipe", "nosuch.toml"], "does not exist"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    spine: Spine, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "what to do: " in err
    assert spine.calls == []


def test_a_summary_without_numbers_still_prints(
    spine: Spine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SUMMARY, "test", {})
    monkeypatch.setitem(SUMMARY, "seconds", {})
    assert main(["train", "photos"]) == 0
    assert "folder: runs/x\n" in capsys.readouterr().out
