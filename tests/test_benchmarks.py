"""The benchmarks run; their numbers are nobody's test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.commands import environment

ROOT = Path(__file__).resolve().parents[1]


def test_the_loading_benchmark_prints_its_ratios(fashion_mnist: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "loading.py", "--repeats", "1", "--batches", "2"],
        cwd=tmp_path,
        env=environment(tmp_path / "cache"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: a ratio above its limit
    assert "loop / step" in done.stdout
    assert "peak memory" in done.stdout


def test_the_results_page_is_made_from_summaries(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "recipes.py", "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "--collect" in done.stdout


def test_the_augmentation_benchmark_writes_its_ratio_and_the_machine(tmp_path: Path) -> None:
    out = tmp_path / "numbers.json"
    few = ["--repeats", "2", "--calls", "1", "--operations", "--json", out]
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "augment.py", *few],
        cwd=tmp_path,
        env=environment(tmp_path / "cache"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: the ratio above its limit
    assert "augment / step" in done.stdout
    numbers = json.loads(out.read_text(encoding="utf-8"))
    assert len(numbers["ratios"]) == 2
    assert {"torch", "threads", "machine", "ratio_median"} <= set(numbers)
    assert {"step", "augment", "rand-augment"} <= set(numbers["milliseconds"])


def test_the_doctor_benchmark_meets_its_criteria_on_digits(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "benchmarks" / "doctor.py",
            *("--quick", "--data", "digits", "--json", tmp_path / "found.json"),
        ],
        cwd=tmp_path,
        env=environment(tmp_path / "cache"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all criteria are met" in done.stdout
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["data"]["digits"]["faults"]["near copies"]["recall"] >= 0.95
    assert found["format shortcut"] == {"planted": True, "without": False}
