"""What older versions wrote loads and answers the same; `scripts/write_old_files.py` wrote it."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nunbit.bundle import load_bundle, save_bundle
from nunbit.classifier import load
from nunbit.pipelines.evaluate import evaluate_run
from nunbit.pipelines.recorded_run import read_run

HERE = Path(__file__).parent
FORMATS = sorted(path.name for path in HERE.glob("format*"))
# Sums of at most a few hundred float32 products in another order, divided by a temperature of 1/4.
CLOSE = 1e-5


def writer() -> ModuleType:
    path = HERE.parents[1] / "scripts" / "write_old_files.py"
    spec = importlib.util.spec_from_file_location("write_old_files", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pictures() -> np.ndarray:
    written_by = writer()
    found: np.ndarray = written_by.pictures(5, written_by.SIDE)
    return found


@pytest.fixture(params=FORMATS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy whose run knows where its data are."""
    shutil.copytree(HERE / request.param, tmp_path / "old")
    config = tmp_path / "old" / "run" / "config.toml"
    data = json.dumps(str(tmp_path / "old" / "data.npz"))
    config.write_text(config.read_text("utf-8").replace('"DATA"', data), encoding="utf-8")
    return tmp_path / "old"


def rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["bundle", "run"])
def test_answers_are_the_same(name: str, old: Path) -> None:
    expected = np.array(json.loads((old / "expected.json").read_text("utf-8"))[name])
    found = load(old / name, device="cpu").predict_proba(pictures())
    np.testing.assert_allclose(found, expected, atol=CLOSE)
    assert np.ptp(expected, axis=0).max() > 100 * CLOSE  # pictures are told apart


def test_everything_in_a_bundle_is_read(old: Path) -> None:
    read = load_bundle(old / "bundle")
    assert read.classes == ("Ämter", "T-shirt/top", "007")
    assert (read.mirrored, read.temperature) == (True, 0.25)
    assert read.thresholds == {"0.95": 0.6, "0.9": 0.4}
    assert (read.preprocess.fit, read.preprocess.background) == ("pad", 0)
    assert read.data_hash == "abc"


def test_a_bundle_written_again_answers_the_same(old: Path, tmp_path: Path) -> None:
    save_bundle(tmp_path / "again", load_bundle(old / "bundle"))
    np.testing.assert_array_equal(
        load(tmp_path / "again", device="cpu").predict_proba(pictures()),
        load(old / "bundle", device="cpu").predict_proba(pictures()),
    )


def test_a_run_is_evaluated_again(old: Path, tmp_path: Path) -> None:
    evaluate_run(old / "run", out=tmp_path / "again", device="cpu")
    before, after = (rows(run / "predictions.csv") for run in (old / "run", tmp_path / "again"))
    assert [row["path"] for row in after] == [row["path"] for row in before]
    for was, found in zip(before, after, strict=True):
        assert (found["label"], found["predicted"]) == (was["label"], was["predicted"])
        assert float(found["confidence"]) == pytest.approx(float(was["confidence"]), abs=CLOSE)
    summaries = [
        json.loads((run / "summary.json").read_text("utf-8"))["test"]
        for run in (old / "run", tmp_path / "again")
    ]
    assert summaries[1]["accuracy"] == summaries[0]["accuracy"]
    assert summaries[1]["loss"] == pytest.approx(summaries[0]["loss"], abs=CLOSE)
    split = [run / "split.csv" for run in (old / "run", tmp_path / "again")]
    assert rows(split[1]) == rows(split[0])


def test_a_run_is_compared(old: Path) -> None:
    read = read_run(old / "run", name="old")
    summary = json.loads((old / "run" / "summary.json").read_text("utf-8"))
    assert read.answers.right.mean() == summary["test"]["accuracy"]
