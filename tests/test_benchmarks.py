"""The benchmarks run; their numbers are nobody's test."""

from __future__ import annotations

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


def test_the_advisers_benchmark_tells_what_it_would_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "adviser.py", "--collect", "digits"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "digits is not run here" in done.stdout
