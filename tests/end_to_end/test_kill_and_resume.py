"""A run killed with SIGKILL at any moment and resumed ends bit for bit as one never interrupted."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
import torch

from tests.end_to_end.commands import environment, nunbit_here
from tests.end_to_end.ending import MOMENTS, end_when

OPTIONS = (
    *("--model", "lenet5", "--epochs", "3"),
    *("--seed", "11", "--set", "training.ema_decay=0.9"),
    *("--set", "checkpoint.minutes=0.0002"),  # also within an epoch, every 12 ms
)
TIMES = ("seconds", "images_per_second")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    nunbit_here("train", "digits", "--out", "run", *OPTIONS, cwd=folder)
    return folder / "run"


def outcome(run: Path) -> dict[str, object]:
    """All that must not depend on interruptions."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    return {
        "weights": (run / "model" / "model.safetensors").read_bytes(),
        "metrics": [
            {k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines
        ],
        "numbers": (summary["test"], summary["validation"], summary["n"]),
        "predictions": (run / "predictions.csv").read_bytes(),
        "split": (run / "split.csv").read_bytes(),
        "config": (run / "config.toml").read_bytes(),
    }


def threads_of_this_process(cwd: Path) -> dict[str, str]:
    """The environment of a process that computes as this one does, to the bit."""
    return environment(cwd / "cache", threads=torch.get_num_threads())


def killed_when(moment: str, *arguments: str, cwd: Path) -> bool:
    """Run `nunbit` until it is killed at that moment; False if it ended before."""
    ended = end_when(moment, *arguments, cwd=cwd, env=threads_of_this_process(cwd))
    return ended.returncode == -signal.SIGKILL


OFTEN = ("when the best epoch is being replaced", "when the bundle is written")
"""A process is started for each moment, which takes seconds: the others are left to slow tests."""
ALL = tuple(moment for moment in MOMENTS if moment != "when an epoch has ended")
"""In the order in which a run comes to them, each once."""


@pytest.mark.parametrize(
    "moments", [OFTEN, pytest.param(ALL, marks=pytest.mark.slow)], ids=["often", "all"]
)
def test_killed_at_many_moments(moments: tuple[str, ...], tmp_path: Path, whole: Path) -> None:
    run, killed = tmp_path / "run", []
    first = ("train", "digits", "--out", "run", *OPTIONS)
    again = ("train", "--resume", "--out", "run")
    for moment in moments:
        arguments = again if (run / "config.toml").exists() else first
        if killed_when(moment, *arguments, cwd=tmp_path):
            killed.append(moment)
    nunbit_here(*again, cwd=tmp_path)
    assert killed == list(moments)
    assert outcome(run) == outcome(whole)
    leftovers = [str(path) for path in run.rglob(".*")]
    assert leftovers == []


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that Ctrl-C ended after its second epoch, and what it said."""
    folder = tmp_path_factory.mktemp("interrupted")
    ended = end_when(
        "when the second epoch has ended",
        *("train", "digits", "--out", "run", *OPTIONS),
        cwd=folder,
        env=threads_of_this_process(folder),
        number=signal.SIGINT,
    )
    assert ended.returncode == 130, ended.stderr
    return folder / "run", ended.stderr


def test_ctrl_c_saves_and_says_how_to_go_on(
    tmp_path: Path, whole: Path, interrupted: tuple[Path, str]
) -> None:
    run, message = interrupted
    assert "Traceback" not in message
    assert "nunbit train --resume --out run" in message
    shutil.copytree(run, tmp_path / "run")
    nunbit_here("train", "--resume", "--out", "run", cwd=tmp_path)
    assert outcome(tmp_path / "run") == outcome(whole)


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(
    tmp_path: Path, whole: Path, interrupted: tuple[Path, str]
) -> None:
    run = Path(shutil.copytree(interrupted[0], tmp_path / "run"))
    weights = run / "checkpoints" / "last" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    told = nunbit_here("train", "--resume", "--out", "run", cwd=tmp_path)
    assert "damaged weights.safetensors" in told
    assert outcome(run) == outcome(whole)


def test_a_finished_run_resumes_to_itself(whole: Path) -> None:
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    told = nunbit_here("train", "--resume", "--out", "run", cwd=whole.parent)
    assert "already ended" in told
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before


def test_another_setting_is_refused_on_resume(whole: Path) -> None:
    told = nunbit_here(
        "train", "--resume", "--out", "run", "--epochs", "9", cwd=whole.parent, code=2
    )
    assert "training.epochs is 3, not 9" in told


def test_resuming_nothing_is_explained(tmp_path: Path) -> None:
    told = nunbit_here("train", "--resume", "--out", "nowhere", cwd=tmp_path, code=2)
    assert "no run to resume" in told
