"""An exported folder, from a real training to answers without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import nunbit
from nunbit.errors import BundleError, UsageError
from nunbit.export.conformance import kit_files
from nunbit.loading import load_predictor
from nunbit.runtime.exported import CONTRACT, NETWORK, PREPROCESSING
from tests.end_to_end.commands import nunbit_here
from tests.export.conftest import Exported


@pytest.fixture(scope="module")
def folder(exported: Exported) -> Path:
    assert "run-onnx" in exported.printed
    return exported.folder


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def kit_paths(folder: Path) -> list[Path]:
    return [folder / "conformance" / file.name for file in kit_files()]


def test_its_layout_is_the_contract(folder: Path) -> None:
    expected = {
        *("model.onnx", "preprocess.onnx", "nunbit.json", "config.json"),
        *("preprocessor_config.json", "README.md", "parity.json", "conformance", "examples"),
    }
    assert {path.name for path in folder.iterdir()} == expected
    model = onnx.load(folder / NETWORK)
    (given,) = model.graph.input
    shape = [dim.dim_param or dim.dim_value for dim in given.type.tensor_type.shape.dim]
    assert (given.name, shape) == ("image", ["N", 32, 32, 1])
    assert given.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [output.name for output in model.graph.output] == ["probabilities", "logits"]
    carried = {prop.key: prop.value for prop in model.metadata_props}
    assert set(carried) == {"names", "labels", "nunbit", "hf_config", "hf_preprocessor_config"}
    contract = read(folder / CONTRACT)
    assert json.loads(carried["nunbit"]) == {k: v for k, v in contract.items() if k != "files"}
    assert json.loads(carried["labels"]) == contract["classes"] == list("0123456789")


def test_nothing_of_this_machine_is_in_it(folder: Path) -> None:
    data = (folder / NETWORK).read_bytes()
    for place in (Path(nunbit.__file__).parent, Path(sys.prefix), folder.parent):
        assert str(place).encode() not in data
    assert b".py" not in data


def test_answers_are_those_of_the_run(folder: Path) -> None:
    run = nunbit.load(folder.parent / "run")
    exported = load_predictor(folder)
    ours, theirs = (each.predict_proba(kit_paths(folder)) for each in (run, exported))
    assert np.abs(ours - theirs).max() < 1e-5
    assert exported.classes == run.classes
    for number in (1, 2, 7):  # a batch of any size
        few = kit_paths(folder)[:number]
        assert np.allclose(exported.predict_proba(few), theirs[:number], atol=1e-6)


def test_the_gate_says_what_it_compared(folder: Path) -> None:
    engines = {row["engine"]: row for row in read(folder / "parity.json")["engines"]}
    for name in ("onnxruntime", "preprocess.onnx"):
        row = engines[name]
        assert row["files"] == row["canvases_equal"] == row["labels_equal"]
        assert row["files"] > len(kit_files())
        assert 0 < row["greatest_difference"] < row["tolerance"]
        assert not row["departures"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"| onnxruntime | {engines['onnxruntime']['files']:,} |" in card


def test_predicting_with_it_imports_no_torch(folder: Path) -> None:
    code = (
        "import sys\n"
        "from nunbit.cli import main\n"
        f"assert main(['predict', {str(folder)!r}, {str(kit_paths(folder)[0])!r}]) == 0\n"
        "heavy = {'torch', 'torchvision', 'timm', 'pandas', 'sklearn', 'scipy', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_second_export_overwrites_nothing(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    said = nunbit_here("export", "run", cwd=folder.parent, code=2)
    assert "already there" in said
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("name", [NETWORK, PREPROCESSING])
def test_a_damaged_or_missing_file_is_named(copy: Path, name: str) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(BundleError, match=f"{name} is damaged"):
        load_predictor(copy)
    (copy / name).unlink()
    with pytest.raises(BundleError, match="missing" if name == PREPROCESSING else "not"):
        load_predictor(copy)


def test_other_class_names_are_refused(copy: Path) -> None:
    contract = read(copy / CONTRACT)
    contract["classes"].reverse()
    (copy / CONTRACT).write_text(json.dumps(contract), encoding="utf-8")
    with pytest.raises(BundleError, match="not of one export"):
        load_predictor(copy)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("classes", "abc", "not a list"),
        ("classes", ["a", "a"], "named twice"),
        ("temperature", 0, "positive"),
        ("temperature", "hot", "not a number"),
        ("thresholds", {"0.95": 1.5}, "outside 0 to 1"),
        ("format", 99, "format 99"),
        ("kind", "something", "not an exported"),
        ("files", {}, "does not name"),
    ],
)
def test_a_strange_contract_is_refused(copy: Path, key: str, value: object, said: str) -> None:
    contract = read(copy / CONTRACT) | {key: value}
    (copy / CONTRACT).write_text(json.dumps(contract), encoding="utf-8")
    with pytest.raises(BundleError, match=said):
        load_predictor(copy)


def test_explaining_an_export_says_what_to_do(folder: Path) -> None:
    with pytest.raises(UsageError, match="nunbit explain RUN"):
        nunbit.load(folder).explain(kit_paths(folder)[0])
