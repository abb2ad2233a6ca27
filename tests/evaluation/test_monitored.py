"""Numbers by which an epoch can be chosen are scikit-learn's, and choose as they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from nunbit.cli import main
from nunbit.evaluation.monitored import validation_numbers
from tests.evaluation.cases import random_predictions


def test_numbers_equal_scikit_learn() -> None:
    predictions = random_predictions(200, 4)
    true, said = predictions.labels, predictions.predicted
    assert dict(validation_numbers(predictions)) == {
        "accuracy": accuracy_score(true, said),
        "macro_f1": pytest.approx(f1_score(true, said, average="macro")),
        "balanced_accuracy": pytest.approx(balanced_accuracy_score(true, said)),
    }


def test_the_epoch_with_the_best_macro_f1_is_kept(tmp_path: Path) -> None:
    run = tmp_path / "run"
    setting = "checkpoint.monitor=validation_macro_f1"
    words = ["train", "digits", "--epochs", "3", "--quiet", "--out", str(run)]
    assert main([*words, "--set", setting]) == 0
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    values = [record["validation_macro_f1"] for record in records]
    summary = json.loads((run / "summary.json").read_text())
    assert values[summary["kept"]["epoch"] - 1] == max(values)
    assert summary["validation"]["macro_f1"] == pytest.approx(max(values), abs=1e-6)
    assert 'monitor = "validation_macro_f1"' in (run / "config.toml").read_text()
