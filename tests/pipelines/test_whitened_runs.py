"""A run whose first layer whitens: taken from the training part alone, and left so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import nunbit
from nunbit.data.split import read_manifest
from nunbit.errors import UsageError

SETTINGS = {
    "model.initialisation": "whitening",
    "training.batch_size": 16,
    "augment.preset": "none",
}


def striped_images(n: int = 60) -> NDArray[np.uint8]:
    """Grey noise with stripes of neighbouring pixels, uint8 [n, 16, 16, 3]."""
    noise = np.random.default_rng(0).integers(0, 256, (n, 8, 16), dtype=np.uint8)
    return np.repeat(np.repeat(noise, 2, axis=1)[..., None], 3, axis=3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("striped")
    for number, pixels in enumerate(striped_images()):
        (folder / "ab"[number % 2]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / "ab"[number % 2] / f"{number:02}.png")
    return folder


def test_the_first_layer_whitens_the_training_part(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    nunbit.train(str(data), model="patchcnn", epochs=2, out=out, settings=SETTINGS)
    classifier = nunbit.load(out)
    split = read_manifest(out / "split.csv")
    numbers = [int(split.paths[row][-6:-4]) for row in split.indices("train")]
    images = torch.from_numpy(striped_images()[numbers]).permute(0, 3, 1, 2)
    seen = classifier.preprocess.normalise(images)
    weights = classifier.model.get_parameter("features.0.weight")[:16].flatten(1).double()
    patches = torch.nn.functional.unfold(seen, 4, stride=2).transpose(1, 2).flatten(0, 1).double()
    moments = weights @ (patches.T @ patches / len(patches)) @ weights.T
    apart = moments - moments.diag().diag()
    assert apart.abs().max() < 1e-3  # other images' patches would be correlated
    assert moments.diag().max() < 1 + 1e-3
    # Each row of pixels is there twice, so that half of the directions hold nothing.
    assert moments.diag()[:8].min() > 0.9


@pytest.mark.parametrize(
    ("model", "decided", "whitens"),
    [("patchcnn", "whitening", True), ("smallcnn", "default", False)],
)
def test_networks_that_are_made_for_it_whiten_by_themselves(
    model: str, decided: str, whitens: bool, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    settings = {key: SETTINGS[key] for key in SETTINGS if key != "model.initialisation"}
    nunbit.train(str(data), model=model, epochs=1, out=out, settings=settings)
    assert f'initialisation = "{decided}"' in (out / "config.toml").read_text(encoding="utf-8")
    first = nunbit.load(out).model.state_dict()["features.0.weight"]
    lengths = first[:16].flatten(1).norm(dim=1)
    # The filters of the directions of least variance are the largest; drawn ones are all alike.
    alike = bool(lengths.max() < 3 * lengths.min())
    assert alike is not whitens


def test_pretrained_weights_are_not_drawn_over(data: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    nunbit.train(str(data), model="patchcnn", epochs=1, out=first, settings=SETTINGS)
    settings = {"model.pretrained": str(first), "transfer.mode": "none", "training.batch_size": 16}
    nunbit.train(str(data), epochs=1, out=again, settings=settings)
    assert 'initialisation = "default"' in (again / "config.toml").read_text(encoding="utf-8")


def test_a_network_that_cannot_is_refused_before_training(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not begin with a convolution"):
        nunbit.train(str(data), model="mlp-100", epochs=1, out=tmp_path / "run", settings=SETTINGS)
