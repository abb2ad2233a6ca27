"""8 bits: what they keep is counted on validation images, and too little leaves no folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from nunbit.loading import load_predictor
from tests.end_to_end.commands import nunbit_here
from tests.export.conftest import Exported


@pytest.fixture(scope="module")
def quantized(exported: Exported) -> Path:
    """The run of this folder in 8 bits; a network of one epoch is unsure, so any agreement does."""
    place = exported.run.parent
    words = ("export", "run", "--quantize", "int8", "--min-agreement", "0.5")
    printed = nunbit_here(*words, cwd=place)
    assert "int8 gives the same class as float32 on" in printed
    return place / "run-int8"


def test_its_weights_are_int8_with_a_scale_for_each_channel(quantized: Path) -> None:
    model = onnx.load(quantized / "model.onnx")
    kinds = {each.name: each.data_type for each in model.graph.initializer}
    assert onnx.TensorProto.INT8 in kinds.values()
    scales = [
        len(onnx.numpy_helper.to_array(each).reshape(-1))
        for each in model.graph.initializer
        if each.name.endswith("_scale")
    ]
    assert max(scales) > 1
    carried = {prop.key for prop in model.metadata_props}
    assert carried == {"names", "labels", "nunbit", "hf_config", "hf_preprocessor_config"}


def test_agreement_is_what_counting_the_answers_gives(quantized: Path, exported: Exported) -> None:
    record = json.loads((quantized / "parity.json").read_text(encoding="utf-8"))["quantization"]
    assert record["n"] > 100
    assert record["n_calibration"] <= 300
    low, high = record["agreement_ci95"]
    assert low <= record["agreement"] <= high
    assert record["int8"]["bytes"] == (quantized / "model.onnx").stat().st_size
    assert record["int8"]["bytes"] < record["float32"]["bytes"]
    # The kit's answers are those of this folder, to the digits that the file keeps.
    expected = json.loads((quantized / "conformance/expected.json").read_text(encoding="utf-8"))
    rows = [row for row in expected["files"] if "label" in row]
    files = [quantized / "conformance" / row["file"] for row in rows]
    got = load_predictor(quantized).predict_proba(files)
    assert np.abs(got - np.array([row["probabilities"] for row in rows])).max() < 0.02
    plain = load_predictor(exported.folder).predict_proba(files)
    assert 0 < np.abs(got - plain).max() < 0.5


def test_too_little_agreement_leaves_no_folder(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nunbit.errors import ExportError
    from nunbit.pipelines import export
    from nunbit.pipelines.exporting import quantized as module

    monkeypatch.setattr(module, "_answers", lambda exported, canvases: next(answers))
    n = 4_000
    answers = iter([np.eye(10)[np.zeros(n, int)], np.eye(10)[np.arange(n) % 10]])
    monkeypatch.setattr(
        module, "_canvases", lambda exported, files: [(np.zeros((32, 32, 1), np.uint8), "0")] * n
    )
    out = exported.run.parent / "never"
    with pytest.raises(ExportError, match=r"on 10\.0 % of 4,000 validation"):
        export.export_onnx(exported.run, out=out, min_agreement=0.98)
    assert not out.exists()


def test_a_model_without_its_run_cannot_be_quantised(exported: Exported) -> None:
    place = exported.run.parent
    words = ("export", "run/model", "--quantize", "int8", "--out", "alone")
    said = nunbit_here(*words, cwd=place, code=2)
    assert "training images" in said
    assert not (place / "alone").exists()
