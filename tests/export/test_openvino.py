"""Exported models on OpenVINO: the same answers in float32, and nothing reported to anybody."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from nunbit.errors import BundleError, UsageError
from nunbit.export.conformance import kit_files
from nunbit.loading import load_predictor
from nunbit.runtime.engines import EngineName, open_engine
from nunbit.runtime.exported import CONTRACT, NETWORK, read_export
from tests.export.conftest import Exported

pytestmark = pytest.mark.skipif(
    find_spec("openvino") is None, reason="the extra openvino is not installed"
)


@pytest.fixture
def copy(exported: Exported, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported.folder, tmp_path / "copy"))


def predicted(folder: Path, engine: EngineName, place: Path) -> dict[str, list[float]]:
    """Probabilities of the kit's files from the command, which must import no torch."""
    code = (
        "import sys\n"
        "from nunbit.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "assert 'torch' not in sys.modules\n"
        "sys.exit(code)\n"
    )
    out = place / f"{engine}.csv"
    files = [str(folder / "conformance" / file.name) for file in kit_files()]
    words = ["predict", str(folder), *files, "--engine", engine, "--csv", str(out), "--quiet"]
    home = {"HOME": str(place), "USERPROFILE": str(place)}
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env=os.environ | home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with out.open(encoding="utf-8", newline="") as file:
        return {
            row["path"]: [float(v) for k, v in row.items() if k.startswith("prob_")]
            for row in csv.DictReader(file)
        }


def test_the_command_gives_the_same_answers(exported: Exported, tmp_path: Path) -> None:
    ours = predicted(exported.folder, "onnxruntime", tmp_path)
    theirs = predicted(exported.folder, "openvino", tmp_path)
    assert len(theirs) == len(kit_files())
    assert theirs.keys() == ours.keys()
    for path, row in theirs.items():
        assert np.abs(np.subtract(row, ours[path])).max() < 1e-4, path
    # Imported as it comes, OpenVINO leaves an identifier for its makers in the user's home.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["onnxruntime.csv", "openvino.csv"]


def test_threads_may_ask_at_once(exported: Exported) -> None:
    """Each gets the answer to its own canvases, as float32 gives it on any processor."""
    folder = read_export(exported.folder)
    contract = folder.preprocess
    shape = (3, contract.height, contract.width, contract.channels)
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, 256, shape).astype(np.uint8) for _ in range(24)]
    wanted = [open_engine(folder).answer(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(open_engine(folder, "openvino", threads=1).answer, batches))
    for theirs, ours in zip(got, wanted, strict=True):
        assert theirs.probabilities.dtype == theirs.logits.dtype == np.float32
        assert np.abs(theirs.probabilities - ours.probabilities).max() < 1e-4
        assert np.abs(theirs.logits - ours.logits).max() < 1e-3


def test_files_of_two_exports_are_refused(copy: Path) -> None:
    contract = json.loads((copy / CONTRACT).read_text(encoding="utf-8"))
    contract["classes"].reverse()
    (copy / CONTRACT).write_text(json.dumps(contract), encoding="utf-8")
    with pytest.raises(BundleError, match="not of one export"):
        load_predictor(copy, engine="openvino")


def test_what_is_no_network_is_refused(copy: Path) -> None:
    data = b"not a network"
    (copy / NETWORK).write_bytes(data)
    contract = json.loads((copy / CONTRACT).read_text(encoding="utf-8"))
    contract["files"][NETWORK] = hashlib.sha256(data).hexdigest()
    (copy / CONTRACT).write_text(json.dumps(contract), encoding="utf-8")
    with pytest.raises(BundleError, match="OpenVINO cannot read the network"):
        load_predictor(copy, engine="openvino")


def test_a_run_is_no_export(exported: Exported) -> None:
    with pytest.raises(UsageError, match="openvino runs exported models") as caught:
        load_predictor(exported.run, engine="openvino")
    assert "nunbit export RUN" in caught.value.remedy


def test_the_extra_is_named(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UsageError) as caught:
        load_predictor(exported.folder, engine="openvino")
    assert "nunbit[openvino]" in caught.value.remedy
