"""Bad input of exports: one block that says what to do, and nothing half written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.numpy import load_file, save_file

from nunbit.bundle import Bundle, save_bundle
from nunbit.cli import main
from nunbit.data.preprocess import Preprocess
from nunbit.errors import BundleError
from nunbit.loading import load_predictor
from nunbit.models import create_model
from nunbit.pipelines import export as export_pipeline
from nunbit.runtime.exported import CONTRACT, NETWORK
from tests.export.conftest import Exported

TARGETS = ("onnx", "hub", "torch")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that nobody trained."""
    torch.manual_seed(0)
    network = create_model("lenet5", classes=2, channels=1, height=32, width=32)
    contract = Preprocess(height=32, width=32, channels=1, mean=(0.5,), std=(0.3,))
    bundle = Bundle(
        model=network.eval(), architecture="lenet5", classes=("a", "b"), preprocess=contract
    )
    save_bundle(tmp_path / "model", bundle)
    return tmp_path / "model"


def check_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    """One block on standard error, exit code 1 or 2, and the folder as it was."""
    before = sorted(place.rglob("*"))
    assert main(words) in (1, 2)
    told = capsys.readouterr().err
    assert told.count("error: ") == 1
    assert "what to do: " in told
    assert said in told
    assert "Traceback" not in told
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("to", TARGETS)
def test_no_run(to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    words = ["export", "--to", to, "--out", str(tmp_path / "out")]
    check_refused([*words, str(tmp_path / "empty")], "neither a run nor", capsys, tmp_path)
    check_refused([*words, str(tmp_path / "not")], "there is no such run", capsys, tmp_path)


@pytest.mark.parametrize("to", TARGETS)
def test_an_unfinished_run(to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.toml").write_text("[run]\n", encoding="utf-8")
    words = ["export", str(tmp_path / "run"), "--to", to]
    check_refused(words, "has no finished model", capsys, tmp_path)


@pytest.mark.parametrize("to", TARGETS)
def test_an_export(
    to: str, exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", str(exported.folder), "--to", to, "--out", str(tmp_path / "out")]
    check_refused(words, "this is an exported model", capsys, tmp_path)


@pytest.mark.parametrize("to", ["onnx", "torch"])  # of hub see test_other_targets.py
def test_an_existing_folder(
    to: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    words = ["export", str(model), "--to", to, "--out", str(tmp_path / "there")]
    check_refused(words, "already there", capsys, tmp_path)


@pytest.mark.parametrize("to", TARGETS)
def test_weights_of_another_model(
    to: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = model / "model.safetensors"
    weights = load_file(file)
    save_file({name: np.flip(value).copy() for name, value in weights.items()}, file)
    words = ["export", str(model), "--to", to, "--out", str(tmp_path / "out")]
    check_refused(words, "model.safetensors", capsys, tmp_path)


def test_a_full_disk(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(folder: Path, *_: object, **__: object) -> None:
        (folder / NETWORK).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(export_pipeline, "write_model_files", full)
    words = ["export", str(model), "--out", str(tmp_path / "out")]
    check_refused(words, "the export cannot be written", capsys, tmp_path)


def test_a_network_of_somebody_else(exported: Exported, tmp_path: Path) -> None:
    """Even where its hash was written into the contract."""
    copy = Path(shutil.copytree(exported.folder, tmp_path / "copy"))
    shape = ["N", 32, 32, 1]
    given = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, shape)
    found = onnx.helper.make_tensor_value_info("same", onnx.TensorProto.UINT8, shape)
    node = onnx.helper.make_node("Identity", ["image"], ["same"])
    foreign = onnx.helper.make_model(
        onnx.helper.make_graph([node], "foreign", [given], [found]),
        opset_imports=[onnx.helper.make_opsetid("", 18)],
        ir_version=10,
    )
    data = foreign.SerializeToString()
    (copy / NETWORK).write_bytes(data)
    contract = json.loads((copy / CONTRACT).read_text(encoding="utf-8"))
    contract["files"][NETWORK] = hashlib.sha256(data).hexdigest()
    (copy / CONTRACT).write_text(json.dumps(contract), encoding="utf-8")
    with pytest.raises(BundleError, match="not of one export"):
        load_predictor(copy)
    (copy / NETWORK).write_bytes(foreign.SerializeToString() + b"\0")
    with pytest.raises(BundleError, match="belongs to another export"):
        load_predictor(copy)


def test_a_file_of_onnx_alone(
    exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(exported.folder / NETWORK, tmp_path / "alone.onnx")
    picture = exported.folder / "conformance" / "png_rgb.png"
    for given in (tmp_path / "alone.onnx", tmp_path):
        words = ["predict", str(given), str(picture)]
        check_refused(words, "neither a run nor a model", capsys, tmp_path)
