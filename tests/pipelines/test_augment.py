"""Which images are shown, and that they are what the network would see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nunbit.config import load_config
from nunbit.data.inspect import Inspection
from nunbit.data.preprocess import Preprocess
from nunbit.errors import DataError
from nunbit.pipelines.augment import sample_images
from nunbit.pipelines.dataset import inspect_data
from nunbit.types import Samples

CONTRACT = Preprocess(height=6, width=9, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)


def photos(folder: Path, *, each: int = 4) -> Path:
    for k, name in enumerate(("ant", "bee", "cat")):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            pixels = np.full((12, 18, 3), 80 * k + i, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


def found(path: Path | str) -> tuple[Samples, Inspection]:
    return inspect_data(load_config(data=str(path), recipe=None, settings={}))


def test_images_are_spread_over_the_classes_and_in_their_order(tmp_path: Path) -> None:
    shown = sample_images(*found(photos(tmp_path / "p")), CONTRACT, count=6, seed=0)
    assert shown.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert len(set(shown.paths)) == 6
    assert shown.dataset == "p"
    for canvas, path, label in zip(shown.canvases, shown.paths, shown.labels, strict=True):
        assert canvas.shape == (6, 9, 3)
        assert path.startswith(shown.classes[label] + "/")
        assert (canvas == 80 * label + int(Path(path).stem)).all()


def test_fewer_images_than_classes_and_more_than_there_are(tmp_path: Path) -> None:
    data = found(photos(tmp_path, each=2))
    chosen = {sample_images(*data, CONTRACT, count=1, seed=seed).paths for seed in range(20)}
    assert len(chosen) > 3
    assert len(sample_images(*data, CONTRACT, count=99, seed=0).paths) == 6


def test_what_cannot_be_decoded_is_passed_over(tmp_path: Path) -> None:
    folder = photos(tmp_path, each=2)
    whole = (folder / "ant" / "0.png").read_bytes()
    (folder / "ant" / "0.png").write_bytes(whole[: len(whole) // 2])
    (folder / "bee" / "0.png").write_bytes(b"")
    shown = sample_images(*found(folder), CONTRACT, count=99, seed=0)
    assert sorted(shown.paths) == ["ant/1.png", "bee/1.png", "cat/0.png", "cat/1.png"]


def test_without_any_image_that_can_be_decoded_it_says_why(tmp_path: Path) -> None:
    folder = photos(tmp_path, each=1)
    data = found(folder)
    for file in folder.rglob("*.png"):
        file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(DataError, match="no image can be shown: ") as caught:
        sample_images(*data, CONTRACT, count=3, seed=0)
    assert "nunbit check" in caught.value.remedy


def test_images_held_back_for_the_test_come_last(tmp_path: Path) -> None:
    for part in ("train", "test"):
        photos(tmp_path / part, each=2)
    data = found(tmp_path)
    shown = sample_images(*data, CONTRACT, count=6, seed=0)
    assert all(path.startswith("train/") for path in shown.paths)
    everything = sample_images(*data, CONTRACT, count=9, seed=0)
    assert everything.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert sum(path.startswith("test/") for path in everything.paths) == 3
