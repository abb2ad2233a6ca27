"""The published result and the default network on the real Fashion-MNIST; minutes, so `slow`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.end_to_end.commands import nunbit


def train(folder: Path, *options: str) -> dict:
    """The summary of a run with all cores, as a user has them."""
    nunbit(
        *("train", "fashion-mnist", "--out", "run", *options),
        cwd=folder,
        threads=os.cpu_count() or 1,
        timeout=1200,
    )
    return json.loads((folder / "run" / "summary.json").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.timeout(1300)
def test_five_epochs_of_the_courses_network_beat_the_published_score(
    fashion_mnist: Path, tmp_path: Path
) -> None:
    """Published: 90.12 %."""
    summary = train(tmp_path, "--model", "fashion-cnn", "--epochs", "5")
    assert summary["n"] == {"train": 55_000, "validation": 5_000, "test": 10_000, "excluded": 0}
    assert summary["parameters"] == 1_475_338
    assert summary["test"]["accuracy"] >= 0.905


@pytest.mark.slow
@pytest.mark.timeout(1300)
def test_five_minutes_of_the_default_network(fashion_mnist: Path, tmp_path: Path) -> None:
    summary = train(tmp_path, "--minutes", "5")
    assert summary["model"] == "smallcnn"
    assert summary["test"]["accuracy"] >= 0.925
    lines = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    trained = sum(json.loads(line)["seconds"] for line in lines)
    assert 300 <= trained < 310
    # The schedule has reached its end: a ten-thousandth of the highest learning rate.
    assert json.loads(lines[-1])["learning_rate"] == pytest.approx(0.002 * 1e-4)
