"""The table at the end of a training."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console

from nunbit.cli.results import print_run


def printed(summary: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_run(console, Path("run"), summary)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def baseline(correct: int, p_value: float, detail: str) -> dict[str, Any]:
    return {
        "kind": "nearest-neighbour",
        "detail": detail,
        "n": 200,
        "correct": correct,
        "network_correct": 190,
        "p_value": p_value,
        "accuracy": correct / 200,
        "accuracy_ci95": [0.0, 1.0],
    }


def test_the_best_baseline_is_told_and_whether_it_is_beaten() -> None:
    low, high = baseline(20, 1e-9, "always “a”"), baseline(188, 0.3, "the most similar by pixels")
    assert "94.0 %  (the most similar by pixels; not clearly beaten)" in printed(
        {"baselines": [low, high]}
    )
    assert "10.0 %  (always “a”)" in printed({"baselines": [low]})


def test_a_summary_without_baselines_counts_the_largest_class() -> None:
    test = {"per_class": {"a": {"n": 30}, "b": {"n": 70}}}
    assert "70.0 %  (always answering b)" in printed({"test": test})
    assert "baseline" in printed({})
