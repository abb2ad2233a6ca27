from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nunbit.cli import main
from nunbit.errors import BundleError
from tests.cli.conftest import FakeModule


def test_the_run_the_data_and_the_folder_are_passed_on(
    fake_module: FakeModule, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[Path, dict[str, Any]]] = []

    def evaluate_run(run: Path, **options: Any) -> SimpleNamespace:
        calls.append((run, options))
        summary = {"model": "lenet5", "n": {"test": 5}, "test": {"accuracy": 0.8}}
        return SimpleNamespace(folder=Path("evaluated"), summary=summary)

    fake_module("nunbit.pipelines.evaluate", evaluate_run=evaluate_run)
    assert main(["evaluate", "runs/x", "--data", "digits", "--out", "evaluated"]) == 0
    ((run, options),) = calls
    assert (run, options["data"], options["out"]) == (Path("runs/x"), "digits", Path("evaluated"))
    out = capsys.readouterr().out
    assert "80.0 %" in out
    assert out.endswith("folder: evaluated\n")  # there is no page to open: nothing was written


def test_a_folder_without_a_model_is_wrong_input(
    fake_module: FakeModule, capsys: pytest.CaptureFixture[str]
) -> None:
    def evaluate_run(run: Path, **options: Any) -> None:
        raise BundleError("no model here", path=run, remedy="name a run")

    fake_module("nunbit.pipelines.evaluate", evaluate_run=evaluate_run)
    assert main(["evaluate", "x", "--quiet"]) == 2
    assert capsys.readouterr().err == (
        "error: no model here\n  where: x\n  what to do: name a run\n"
    )
