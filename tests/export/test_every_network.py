"""Every network of the catalogue leaves home: its answers are the bundle's, for any batch."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from nunbit.bundle import Bundle
from nunbit.data.preprocess import Preprocess
from nunbit.deployed import Deployed
from nunbit.errors import UsageError
from nunbit.export.network import network_model
from nunbit.models import create_model
from nunbit.models.catalog import CATALOGUE, image_model, model_info

FAST = ("lenet5", "smallcnn", "fashion-cnn")
CLASSES = ("a", "b", "c")


def cases() -> list[object]:
    return [
        pytest.param(name, marks=() if name in FAST else (pytest.mark.slow,), id=name)
        for name in CATALOGUE
        if _takes_images(name)
    ]


def _takes_images(name: str) -> bool:
    try:
        image_model(name)
    except UsageError:
        return False
    return True


@pytest.mark.parametrize("name", cases())
def test_its_answers_are_the_bundles(name: str) -> None:
    channels, height, width = model_info(name).input
    model = create_model(
        name, classes=3, channels=channels, height=height, width=width, generator_seed=3
    ).eval()
    contract = Preprocess(
        height=height,
        width=width,
        channels=channels,
        mean=(0.4,) * channels,
        std=(0.3,) * channels,
    )
    bundle = Bundle(
        model=model,
        architecture=name,
        classes=CLASSES,
        preprocess=contract,
        mirrored=True,
        temperature=1.7,
    )
    session = onnxruntime.InferenceSession(network_model(bundle).SerializeToString())
    deployed = Deployed.of(bundle)
    rng = np.random.default_rng(0)
    for n in (1, 2, 7):
        canvases = rng.integers(0, 256, (n, height, width, channels)).astype(np.uint8)
        (got,) = session.run(["probabilities"], {"image": canvases})
        wanted = deployed.answer(torch.from_numpy(canvases)).probabilities.double().numpy()
        assert got.shape == (n, 3)
        assert np.abs(got - wanted).max() < 1e-4
