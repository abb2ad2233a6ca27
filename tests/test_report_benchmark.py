"""The report's benchmark: what it prints, and its exit code."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parents[1] / "benchmarks" / "report.py"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("report_benchmark", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "report_benchmark", module)
    spec.loader.exec_module(module)
    options = ["--images", "120", "--classes", "4", "--size", "24"]
    monkeypatch.setattr(sys, "argv", [str(FILE), *options])
    monkeypatch.setattr(module, "MAX_SECONDS", 1e6)  # a busy machine misses its own
    return module


def test_it_measures_and_meets_the_criterion(benchmark, capsys) -> None:
    assert benchmark.main() == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["images"], said["classes"], said["met"]) == (120, 4, True)
    assert 0 < said["megabytes"] < 15


def test_a_missed_criterion_is_an_exit_code(benchmark, capsys, monkeypatch) -> None:
    monkeypatch.setattr(benchmark, "LARGEST_BYTES", 1000)
    assert benchmark.main() == 1
    assert json.loads(capsys.readouterr().out)["met"] is False
