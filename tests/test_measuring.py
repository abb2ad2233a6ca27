"""What the benchmarks share, and the page that is made from their records."""

from __future__ import annotations

import importlib
import json
import runpy
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from types import ModuleType

import pytest
import scipy.stats

from tests.end_to_end.commands import environment

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("measuring")


def test_contestants_take_turns_and_the_order_turns_round(measuring) -> None:
    called = []
    found = measuring.alternate(
        {name: lambda number, name=name: called.append((name, number)) or number for name in "ab"},
        repeats=3,
    )
    assert called == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)]
    assert found == {"a": [0, 1, 2], "b": [0, 1, 2]}


def test_a_ratio_is_taken_pair_by_pair(measuring) -> None:
    # Of the medians, it would be 4 / 2.
    one = measuring.ratio("a / b", [3, 4, 100], [1, 4, 2], target=3)
    assert (one["median"], one["min"], one["max"], one["met"]) == (3, 1, 50, True)
    with pytest.raises(ValueError, match="shorter"):
        measuring.ratio("a / b", [1, 2], [1])


@pytest.mark.parametrize(
    ("better", "target", "met"),
    [("more", 2, True), ("more", 2.1, False), ("less", 2, True), ("less", 1.9, False)],
)
def test_the_median_meets_the_target_or_not(measuring, better, target, met) -> None:
    assert measuring.bound("seconds", [1, 2, 9], target=target, better=better)["met"] is met
    assert measuring.bound("seconds", [1, 2, 9])["met"] is None


def test_a_command_tells_its_time_memory_and_last_line(measuring) -> None:
    script = "print('first'); x = bytearray(64 * 2**20); print('{\"n\": 3}')"
    done = measuring.run_command([sys.executable, "-c", script])
    assert done.said == {"n": 3}
    assert done.cpu_seconds > 0
    assert done.seconds > 0
    assert done.peak_mib > 64


def test_a_failed_command_ends_with_what_it_said(measuring) -> None:
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    with pytest.raises(SystemExit, match=r"(?s)ended with 3:.*out.*err"):
        measuring.run_command([sys.executable, "-c", script])
    assert measuring.run_command([sys.executable, "-c", script], allowed=(3,)).output == "out\n"


def test_what_was_measured_is_not_measured_again(measuring, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "one.json"
    assert measuring.kept(file, lambda: {"n": 1}) == {"n": 1}
    assert measuring.kept(file, lambda: {"n": 2}) == {"n": 1}


def test_only_an_older_record_is_written_over(measuring, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    measuring.write(file, {"benchmark": "x", "n": 1})
    measuring.write(file, {"benchmark": "x", "n": 2})
    assert json.loads(file.read_text(encoding="utf-8"))["n"] == 2
    with pytest.raises(SystemExit, match="nothing is written"):
        measuring.write(file, {"benchmark": "y"})
    (tmp_path / "mine.json").write_text("my notes", encoding="utf-8")
    with pytest.raises(SystemExit, match="nothing is written"):
        measuring.write(tmp_path / "mine.json", {"benchmark": "x"})


def test_a_missed_target_is_an_exit_code_but_not_of_a_quick_run(measuring, tmp_path) -> None:
    found = measuring.record(
        "x", repeats=1, rows=[], ratios=[measuring.bound("seconds", [3], target=2)]
    )
    given = Namespace(json=tmp_path / "x.json", quick=False)
    assert measuring.finish(found, given) == 1
    given.quick = True
    assert measuring.finish(found, given) == 0


def test_a_record_names_no_place_of_this_machine(measuring, monkeypatch) -> None:
    script = ROOT / "benchmarks" / "step.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--json", str(ROOT / "benchmarks" / "x.json")])
    found = measuring.record("x", repeats=1, rows=[measuring.row("a", "s", [1.0])])
    assert found["command"] == "python benchmarks/step.py --json benchmarks/x.json"
    assert str(ROOT) not in json.dumps(found)
    assert found["machine"]["cores"] >= 1


def test_a_commit_is_dirty_when_code_was_changed_and_not_for_results(
    measuring, monkeypatch, tmp_path: Path
) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    code, result = tmp_path / "code.py", tmp_path / "benchmarks" / "results" / "x.json"
    result.parent.mkdir(parents=True)
    monkeypatch.setattr(measuring, "ROOT", tmp_path)
    assert measuring.commit() == "unknown"
    git("init", "-q")
    code.write_text("1", encoding="utf-8")
    result.write_text("1", encoding="utf-8")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    clean = git("rev-parse", "--short=10", "HEAD")
    result.write_text("2", encoding="utf-8")
    assert measuring.commit() == clean
    code.write_text("2", encoding="utf-8")
    assert measuring.commit() == f"{clean}-dirty"


def test_a_mean_difference_is_held_against_students_interval(measuring) -> None:
    carry_over = importlib.import_module("carry_over")
    values = [1.0, 2.0, 4.0, 4.5]
    low, high = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert carry_over.half_interval(values) == pytest.approx((high - low) / 2)
    assert carry_over.half_interval([1.0]) is None


def test_the_page_has_what_misses_its_target_first(measuring) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "write_bench_results.py"))
    ratios = [
        measuring.bound("fast", [1], target=2),
        measuring.bound("slow", [3], target=2),
        measuring.bound("stated", [5]),
    ]
    found = measuring.record(
        "x", repeats=2, rows=[measuring.row("a | b", "s", [1, 2])], ratios=ratios, notes=["so"]
    )
    page = script["page"]([found])
    assert "1 of 2 met" in page
    table = page[page.index("## Targets") : page.index("## x")]
    assert table.index("| slow |") < table.index("| fast |")
    assert "stated" not in table
    assert "| stated | 5 (5 to 5) |" in page
    assert "| a \\| b | 1.5 (1 to 2) | s | 2 |" in page
    assert page.rstrip().endswith("- so")


def test_the_page_of_results_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "write_bench_results.py"))
    page = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    records = script["read"](ROOT / "benchmarks" / "results")
    assert records
    assert page == script["page"](records), "run scripts/write_bench_results.py"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["limits", "step", "training", "memory", "carry_over"])
def test_the_benchmarks_run(name: str, tmp_path: Path) -> None:
    if name == "training" and not Path("/usr/share/datasets/fashion-mnist").is_dir():
        pytest.skip("the images come from Debian's dataset-fashion-mnist")
    if name == "carry_over" and not Path("/usr/share/tuxpaint/stamps").is_dir():
        pytest.skip("the pictures come from Debian's tuxpaint-stamps-default")
    out = tmp_path / "found.json"
    subprocess.run(
        [sys.executable, ROOT / "benchmarks" / f"{name}.py", "--quick", "--json", out],
        cwd=tmp_path,
        env=environment(tmp_path / "cache"),
        check=True,
    )
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["benchmark"] == name
    assert {"cores", "processor", "matrix_units"} <= set(found["machine"])
    assert all(one["median"] > 0 for one in found["rows"] if one["unit"] != "points")
