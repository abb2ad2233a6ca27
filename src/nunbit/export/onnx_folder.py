"""The folder of an exported ONNX model, written from a bundle; the gate decides whether it stays.

Its layout is a contract with every reader, `nunbit.runtime` first among them.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from nunbit.bundle import Bundle
from nunbit.errors import UnusableImage
from nunbit.export.conformance import kit_files
from nunbit.export.contract import export_contract, hub_config, preprocessor_config
from nunbit.export.network import network_model
from nunbit.export.resize import preprocess_graph
from nunbit.runtime.exported import CONTRACT, NETWORK, PREPROCESSING

KIT, EXAMPLES, CARD, PARITY = "conformance", "examples", "README.md", "parity.json"
EXPECTED = "expected.json"


def write_model_files(folder: Path, bundle: Bundle, *, versions: Mapping[str, str]) -> None:
    """Write both graphs, the contract, and what other readers understand, into a new folder.

    Raises:
        ExportError: when the network cannot be expressed in ONNX.
    """
    contract = export_contract(bundle, versions=dict(versions))
    hub, preprocessor = hub_config(bundle), preprocessor_config(bundle.preprocess)
    metadata = {
        "names": json.dumps(dict(enumerate(bundle.classes)), ensure_ascii=False),
        "labels": json.dumps(list(bundle.classes), ensure_ascii=False),
        "nunbit": json.dumps(contract, ensure_ascii=False),
        "hf_config": json.dumps(hub, ensure_ascii=False),
        "hf_preprocessor_config": json.dumps(preprocessor, ensure_ascii=False),
    }
    network = network_model(bundle, metadata=metadata).SerializeToString()
    preprocessing = preprocess_graph(bundle.preprocess, pillow=pillow_version()).SerializeToString()
    (folder / NETWORK).write_bytes(network)
    (folder / PREPROCESSING).write_bytes(preprocessing)
    hashes = {NETWORK: _sha256(network), PREPROCESSING: _sha256(preprocessing)}
    write_json(folder / CONTRACT, {**contract, "files": hashes})
    write_json(folder / "config.json", hub)
    write_json(folder / "preprocessor_config.json", preprocessor)
    _write_examples(folder / EXAMPLES)


def write_kit(
    folder: Path,
    bundle: Bundle,
    answer: Any,
    *,
    full_decoding: Callable[[bytes], NDArray[np.uint8]] | None = None,
) -> None:
    """Write the conformance kit: raw files, their canvases as PNG, and nunbit's answers.

    `answer` brings canvases, a list of uint8 [H, W, C], to probabilities [n, K]; `full_decoding`,
    where given, brings a file's bytes to the canvas of runtimes that decode every JPEG in full.
    """
    contract = bundle.preprocess
    kit = folder / KIT
    kit.mkdir()
    rows: list[dict[str, Any]] = []
    for file in kit_files():
        (kit / file.name).write_bytes(file.data)
        row: dict[str, Any] = {
            "file": file.name,
            "about": file.about,
            "browsers": file.in_browsers(contract),
        }
        try:
            pixels = (full_decoding or contract.canvas)(file.data)
        except UnusableImage as error:
            rows.append({**row, "unusable": error.what})
            continue
        probabilities = np.asarray(answer([pixels]))[0]
        name = f"{Path(file.name).stem}.canvas.png"
        (kit / name).write_bytes(_png(pixels))
        rows.append(
            {
                **row,
                "canvas": name,
                "canvas_sha256": _sha256(pixels.tobytes()),
                "label": bundle.classes[int(probabilities.argmax())],
                "probabilities": [round(float(p), 9) for p in probabilities],
            }
        )
    decoding = contract.decoding if full_decoding is None else "full"
    expected = {"classes": list(bundle.classes), "decoding": decoding, "files": rows}
    write_json(kit / EXPECTED, expected)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON that a person can read."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8")


def pillow_version() -> tuple[int, ...]:
    """The version whose resize this machine has, as (major, minor)."""
    return tuple(int(part) for part in PIL.__version__.split(".")[:2])


def _write_examples(folder: Path) -> None:
    folder.mkdir()
    for source in sorted(_EXAMPLES.iterdir(), key=lambda each: each.name):
        if source.name.endswith((".py", ".mjs")) and source.name != "__init__.py":
            (folder / source.name).write_bytes(source.read_bytes())


_EXAMPLES = resources.files("nunbit.export") / "examples"


def _png(canvas: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(canvas[:, :, 0] if canvas.shape[2] == 1 else canvas).save(buffer, "PNG")
    return buffer.getvalue()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
