"""A small exported model, and one server of it for all tests that leave it as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import torch

from nunbit.bundle import Bundle, save_bundle
from nunbit.data.preprocess import Preprocess
from nunbit.export.conformance import kit_files
from nunbit.models import create_model
from nunbit.pipelines.export import export_onnx
from tests.serve.server import Served, serving

CLASSES = ("a class", "둘", "<b>three</b>")
SIZE = 32


@pytest.fixture(scope="package")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a small network that nobody trained; its bundle lies beside it."""
    place = tmp_path_factory.mktemp("serve")
    torch.manual_seed(4)
    network = create_model(
        "smallcnn", classes=len(CLASSES), channels=3, height=SIZE, width=SIZE, generator_seed=5
    )
    bundle = Bundle(
        model=network.eval(),
        architecture="smallcnn",
        classes=CLASSES,
        preprocess=Preprocess(
            height=SIZE, width=SIZE, channels=3, mean=(0.5,) * 3, std=(0.05,) * 3
        ),
        thresholds={"0.9": 0.2, "0.95": 1.0},
    )
    save_bundle(place / "model", bundle)
    return export_onnx(place / "model", out=place / "pictures").folder


@pytest.fixture(scope="package")
def served(export: Path) -> Iterator[Served]:
    with serving(export) as server:
        yield server


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as opened:
        yield opened


@pytest.fixture(scope="package")
def pictures() -> dict[str, bytes]:
    """The files of the kit by name."""
    return {file.name: file.data for file in kit_files()}
