"""A run killed with SIGKILL at any moment and resumed ends bit for bit as one never interrupted."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.commands import environment, nunbit, nunbit_here

OPTIONS = (
    "--epochs",
    "3",
    "--seed",
    "11",
    "--set",
    "checkpoint.minutes=0.001",  # also within an epoch, every 60 ms
    "--set",
    "training.ema_decay=0.9",
)
TIMES = ("seconds", "images_per_second")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    nunbit("train", "digits", "--out", "run", *OPTIONS, cwd=folder)
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


def kill_when(condition: Callable[[], bool], *arguments: str, cwd: Path) -> bool:
    """Start `nunbit` and kill it as soon as the condition holds; whether it was still running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nunbit", *arguments],
        cwd=cwd,
        env=environment(cwd / "cache"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not condition():
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "when the configuration is written": lambda run: (run / "config.toml").exists(),
    "when the split is written": lambda run: (run / "split.csv").exists(),
    "when the first checkpoint is being written": lambda run: any(
        (run / "checkpoints").glob(".last.*")
    ),
    "when a checkpoint within the first epoch stands": lambda run: (
        run / "checkpoints" / "last-previous"
    ).exists(),
    "when the best epoch is being replaced": lambda run: (
        any((run / "checkpoints").glob(".best.*")) and lines_of(run / "metrics.jsonl") >= 1
    ),
    "when the second epoch has ended": lambda run: lines_of(run / "metrics.jsonl") == 2,
    "when the bundle is written": lambda run: (run / "model").exists(),
    "when only the summary is missing": lambda run: (run / "report.html").exists(),
}


OFTEN = (
    "when the split is written",
    "when the first checkpoint is being written",
    "when the best epoch is being replaced",
    "when the bundle is written",
)
"""A process is started for each moment, which takes seconds: the others are left to slow tests."""


@pytest.mark.parametrize(
    "moments", [OFTEN, pytest.param(tuple(MOMENTS), marks=pytest.mark.slow)], ids=["often", "all"]
)
def test_killed_at_many_moments(moments: tuple[str, ...], tmp_path: Path, whole: Path) -> None:
    run, killed = tmp_path / "run", []
    first = ("train", "digits", "--out", "run", *OPTIONS)
    again = ("train", "--resume", "--out", "run")
    for moment in moments:
        condition = MOMENTS[moment]
        arguments = again if (run / "config.toml").exists() else first
        if kill_when(lambda c=condition: c(run), *arguments, cwd=tmp_path):  # type: ignore[misc]
            killed.append(moment)
    nunbit(*again, cwd=tmp_path)
    assert killed == list(moments)
    assert outcome(run) == outcome(whole)
    leftovers = [str(path) for path in run.rglob(".*")]
    assert leftovers == []


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path: Path, whole: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "nunbit", "train", "digits", "--out", "run", *OPTIONS],
        cwd=tmp_path,
        env=environment(tmp_path / "cache"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not (tmp_path / "run" / "metrics.jsonl").exists():
        time.sleep(0.002)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message
    assert "Traceback" not in message
    assert "nunbit train --resume --out run" in message
    nunbit("train", "--resume", "--out", "run", cwd=tmp_path)
    assert outcome(tmp_path / "run") == outcome(whole)


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(
    tmp_path: Path, whole: Path
) -> None:
    run = tmp_path / "run"
    kill_when(
        lambda: lines_of(run / "metrics.jsonl") == 2,
        *("train", "digits", "--out", "run", *OPTIONS),
        cwd=tmp_path,
    )
    weights = run / "checkpoints" / "last" / "weights.safetensors"
    if not weights.exists():  # killed between two renames: the previous one is the newest
        shutil.copytree(run / "checkpoints" / "last-previous", weights.parent)
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    told = nunbit("train", "--resume", "--out", "run", cwd=tmp_path)
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
