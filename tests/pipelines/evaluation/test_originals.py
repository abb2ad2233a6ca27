"""Originals for a page: upright, small, read when asked for, and honest about lost files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nunbit.config import load_config
from nunbit.data.dataset import Dataset
from nunbit.data.storage import ImageArrays
from nunbit.pipelines.dataset import decode_data, inspect_data, open_dataset
from nunbit.pipelines.evaluation.baselines import baselines_of
from nunbit.pipelines.evaluation.pictures import canvases_as_seen, originals_of
from nunbit.progress import SILENT
from nunbit.reports.kit.pictures import OriginalGetter
from nunbit.types import Predictions


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty images of two classes, told apart by their brightness."""
    root, generator = tmp_path_factory.mktemp("originals") / "things", np.random.default_rng(0)
    for name, light in (("dark", 0), ("light", 180)):
        (root / name).mkdir(parents=True)
        for number in range(10):
            pixels = light + generator.integers(0, 70, (30, 40, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number:02d}.png")
    turned = Image.new("RGB", (300, 200), "red")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    turned.save(root / "dark" / "turned.jpg", exif=exif)
    return root


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    return decoded(str(folder))


def decoded(data: str, **settings: object) -> Dataset:
    named = {key.replace("__", "."): value for key, value in settings.items()}
    config = load_config(data=data, recipe=None, settings=named)
    return decode_data(*inspect_data(config), config, device=torch.device("cpu")).dataset


def getter_of(dataset: Dataset) -> OriginalGetter:
    return originals_of(dataset.samples, dataset.inspection, dataset.preprocess)


def test_an_original_is_the_file_and_not_the_canvas(dataset: Dataset, folder: Path) -> None:
    getter = getter_of(dataset)
    row = dataset.samples.paths.index("light/03.png")
    found = getter(row)
    assert (found.height, found.width, found.fault) == (30, 40, "")
    assert found.picture is not None
    assert (found.picture == np.asarray(Image.open(folder / "light/03.png"))).all()


def test_a_large_photograph_is_upright_and_small(dataset: Dataset) -> None:
    found = getter_of(dataset)(dataset.samples.paths.index("dark/turned.jpg"))
    assert (found.height, found.width) == (300, 200)
    assert found.picture is not None
    assert found.picture.shape == (128, 85, 3)


def test_a_lost_or_changed_file_gives_a_reason(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "d" / name).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (9, 9), 20 * number).save(tmp_path / "d" / name / f"{number}.png")
    data = decoded(str(tmp_path / "d"))
    getter = getter_of(data)
    (tmp_path / "d/a/0.png").unlink()
    Image.new("L", (9, 9), 255).save(tmp_path / "d/a/1.png")
    lost, changed, kept = (getter(data.samples.paths.index(f"a/{i}.png")) for i in range(3))
    assert (lost.picture, lost.fault) == (None, "missing: there is no such file")
    assert (changed.picture, changed.fault) == (None, "the file has changed since the run read it")
    assert kept.picture is not None


def test_arrays_are_their_own_originals() -> None:
    data = decoded("digits")
    found = getter_of(data)(7)
    assert isinstance(data.samples.images, ImageArrays)
    assert found.picture is not None
    assert np.array_equal(found.picture, data.samples.images.array[7])
    assert (found.height, found.width) == (8, 8)


def test_the_picture_is_what_the_network_saw_back_from_its_numbers(dataset: Dataset) -> None:
    contract = dataset.pixels.preprocess.with_statistics((0.4, 0.5, 0.6), (0.2, 0.1, 0.3))
    rows = np.array([4, 0, 9])
    (canvases,) = dataset.pixels.stream([rows])
    assert (canvases_as_seen(dataset.pixels, contract)(rows) == canvases.numpy()).all()


def test_a_file_that_vanished_leaves_a_blank_picture(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "d" / name).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (9, 9), 20 * number).save(tmp_path / "d" / name / f"{number}.png")
    data = decoded(str(tmp_path / "d"), pixels__ram_budget_bytes=0, pixels__disk_budget_bytes=0)
    (tmp_path / "d/a/1.png").unlink()
    shown = canvases_as_seen(data.pixels, data.pixels.preprocess)(np.array([2, 1]))
    assert shown[0].max() == 40
    assert (shown[1] == 255).all()  # the contract's background


def test_the_baselines_of_a_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config(data=str(folder), recipe=None, settings={"model.name": "smallcnn"})
    data = open_dataset(config, device=torch.device("cpu")).dataset
    rows = data.rows("test")
    labels = data.labels[rows]
    blind = Predictions(
        logits=np.zeros((len(rows), 2), dtype=np.float32), labels=labels, indices=rows
    )
    largest, nearest = baselines_of(data, blind, seed=0, progress=SILENT)
    assert largest.n == nearest.n == len(rows)
    assert nearest.correct == len(rows)  # light and dark are easily told apart
    assert largest.correct == int((labels == 0).sum())  # "dark" has one image more
    trained = len(data.rows("train"))
    assert nearest.detail == f"the most similar of {trained} training images by pixels"
    monkeypatch.setattr("nunbit.pipelines.evaluation.baselines.MAX_TRAINING_IMAGES", 5)
    monkeypatch.setattr("nunbit.pipelines.evaluation.baselines.MAX_TEST_IMAGES", 2)
    _, few = baselines_of(data, blind, seed=0, progress=SILENT)
    assert few.n == 2
    assert few.detail == "the most similar of 5 training images by pixels"
    assert baselines_of(data, blind, seed=0, progress=SILENT)[1] == few
