"""What the adviser's benchmark makes of expectations and truths; its numbers are nobody's test."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.transfer.advice import ADVICE

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import adviser

TRUTH = {"last-stage": 0.91, "stages:2": 0.95, "head": 0.86, "all": 0.84, "none": 0.5}


def summary(accuracy: float) -> dict[str, Any]:
    interval = [accuracy - 0.01, accuracy + 0.01]
    return {
        "test": {"accuracy": accuracy, "accuracy_ci95": interval},
        "n": {"train": 400, "test": 300},
        "seconds": {"train": 12.3},
    }


@pytest.fixture
def measured() -> dict[str, Any]:
    return adviser.judged("birds", 0, ADVICE, {p: summary(a) for p, a in TRUTH.items()})


def test_regret_and_order_are_counted(measured: dict[str, Any]) -> None:
    assert measured["regret_points"] == pytest.approx(4)  # 95 could be had, 91 was recommended
    assert measured["table_regret_points"] == pytest.approx(9)  # the table says head
    assert measured["pairs_in_order"] == [9, 10]
    assert measured["rank_correlation"] == pytest.approx(0.9)
    verdicts = {plan["plan"]: plan["verdict"] for plan in measured["plans"]}
    assert verdicts == {
        "last-stage": "met",
        "stages:2": "above",
        "head": "met",
        "all": "met",
        "none": "below",
    }


def test_equal_truths_have_no_order() -> None:
    measured = adviser.judged("birds", 0, ADVICE, {p: summary(0.9) for p in TRUTH})
    assert measured["rank_correlation"] is None
    assert measured["pairs_in_order"] == [0, 0]
    assert "| – | 0 of 0 |" in adviser.agreement([measured])


def test_the_tables_name_every_plan(measured: dict[str, Any]) -> None:
    text = adviser.table(measured)
    assert "birds, seed 0: 400 training images, 300 test images" in text
    assert (
        "| last stage and head (recommended) | 92.0 (90.0 to 94.0) | 91.0 (90.0 to 92.0) |" in text
    )
    assert text.count("\n| ") == len(TRUTH) + 2
    assert "| 0.90 | 9 of 10 | last stage and head | 4.0 | head | 9.0 | 9.0 | 3 of 5 |" in (
        adviser.agreement([measured])
    )


def test_data_sets_are_written_once_and_have_their_test_part(
    tmp_path: Path, fashion_mnist: Path
) -> None:
    import numpy as np

    settings = adviser.SETS["fashion-500"](tmp_path)
    assert settings == {"data.path": str(tmp_path / "fashion.npz")}
    with np.load(tmp_path / "fashion.npz") as arrays:
        assert arrays["x_train"].shape == (500, 28, 28, 1)
        assert np.bincount(arrays["y_train"]).tolist() == [50] * 10
        assert len(arrays["y_test"]) == adviser.TEST_IMAGES
        assert len(arrays["class_names"]) == 10
    before = (tmp_path / "fashion.npz").stat().st_mtime_ns
    adviser.SETS["fashion-500"](tmp_path)
    assert (tmp_path / "fashion.npz").stat().st_mtime_ns == before
