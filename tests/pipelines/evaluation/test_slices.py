from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nunbit.checks.measurements.appearance import brightness_and_sharpness
from nunbit.config import build_config
from nunbit.data.dataset import Dataset
from nunbit.evaluation.slices import Attribute
from nunbit.pipelines.dataset import decode_data, inspect_data
from nunbit.pipelines.evaluation.attributes import attributes_of
from nunbit.pipelines.evaluation.slices import MeasuredPixels
from tests.fixtures_data import random_images


def decoded(path: Path, **settings: object) -> Dataset:
    config = build_config({}, {"data.path": str(path), **settings}, origin="a test")
    return decode_data(*inspect_data(config), config, device=torch.device("cpu")).dataset


def measured(data: Dataset) -> MeasuredPixels:
    pixels = MeasuredPixels(data.pixels)
    rows = np.flatnonzero([not reason for reason in data.reasons])
    list(pixels.stream(np.array_split(rows, 2)))
    return pixels


def attributes(data: Dataset, rows: np.ndarray, pixels: MeasuredPixels) -> tuple[Attribute, ...]:
    return attributes_of(
        data.samples,
        data.inspection,
        rows,
        brightness=pixels.brightness[rows],
        sharpness=pixels.sharpness[rows],
    )


def by_name(attributes: tuple[Attribute, ...]) -> dict[str, Attribute]:
    return {attribute.name: attribute for attribute in attributes}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Six images of two classes in a table with other columns; one file is no image."""
    generator = np.random.default_rng(0)
    lines = ["path,label,site,age,group"]
    for number in range(6):
        mode = "L" if number % 2 else "RGB"
        shape = (20 + number, 30) if mode == "L" else (20 + number, 30, 3)
        picture = generator.integers(0, 40 * (number + 1), shape).astype(np.uint8)
        (tmp_path / "north").mkdir(exist_ok=True)
        path = f"north/{number}.png" if number < 3 else f"{number}.png"
        Image.fromarray(picture).save(tmp_path / path)
        site = "clinic" if number < 3 else ""
        lines.append(f"{path},{'ab'[number % 2]},{site},{30 + number},g{number}")
    (tmp_path / "broken.png").write_bytes(b"no image")
    lines.append("broken.png,a,clinic,1,g9")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "table.csv"


def test_attributes_of_files_and_of_their_table(table: Path) -> None:
    data = decoded(table, **{"data.max_bad_fraction": 0.5})
    rows = np.flatnonzero([not reason for reason in data.reasons]).astype(np.int64)
    paths = [data.samples.paths[row] for row in rows]
    assert paths == ["3.png", "4.png", "5.png", "north/0.png", "north/1.png", "north/2.png"]
    pixels = measured(data)
    found = by_name(attributes(data, rows, pixels))
    assert list(found) == [
        *("size", "brightness", "sharpness", "mode", "folder", "group"),
        *("column site", "column age"),
    ]
    sides = [(30 * (20 + number)) ** 0.5 for number in (3, 4, 5, 0, 1, 2)]
    assert list(found["size"].values) == [round(side) for side in sides]
    assert found["mode"].values == ["grey", "colour", "grey", "colour", "grey", "colour"]
    assert found["folder"].values == ["no folder"] * 3 + ["north"] * 3
    assert found["group"].values == ["g3", "g4", "g5", "g0", "g1", "g2"]
    assert found["column site"].values == [""] * 3 + ["clinic"] * 3
    assert found["column age"].values == ["33", "34", "35", "30", "31", "32"]
    (canvases,) = data.pixels.stream([rows])
    brightness, sharpness = brightness_and_sharpness(canvases.numpy())
    np.testing.assert_array_equal(found["brightness"].values, brightness)
    np.testing.assert_array_equal(found["sharpness"].values, sharpness)


def test_pixels_pass_unchanged_while_they_are_measured(table: Path) -> None:
    data = decoded(table, **{"data.max_bad_fraction": 0.5})
    rows = np.flatnonzero([not reason for reason in data.reasons]).astype(np.int64)
    watched = MeasuredPixels(data.pixels)
    groups = [rows[:4], rows[4:]]
    for plain, seen in zip(data.pixels.stream(groups), watched.stream(groups), strict=True):
        np.testing.assert_array_equal(plain.numpy(), seen.numpy())
    assert watched.reasons == data.pixels.reasons
    assert watched.preprocess == data.pixels.preprocess
    broken = data.samples.paths.index("broken.png")
    assert np.isnan(watched.brightness[broken])


def test_arrays_have_no_folders(tmp_path: Path) -> None:
    images, labels = random_images(12)
    np.savez(tmp_path / "x.npz", images=images, labels=labels)
    data = decoded(tmp_path / "x.npz")
    rows = np.arange(12)
    assert list(by_name(attributes(data, rows, measured(data)))) == [
        *("size", "brightness", "sharpness", "mode"),
    ]
