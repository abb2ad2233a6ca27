"""Stacks, channels and bands: named by what the files say, and one of them chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nunbit.data.decoding import facts
from tests.data.formats.test_wide import HEIGHT, WIDTH, colour, contract, expected, grey, tiff

PLANES = np.stack([np.roll(grey(255, np.uint8), n, axis=1) for n in range(5)])
FRAMES: dict[str, Any] = {
    "first": PLANES[0],
    "middle": PLANES[2],
    "max": PLANES.max(axis=0),
    "mean": np.floor(PLANES.mean(axis=0) + 0.5),
}
STACKS: dict[str, tuple[bytes, str]] = {
    "pages": (tiff(PLANES, photometric="minisblack", metadata=None), "5 pages"),
    "OME": (
        tiff(PLANES, photometric="minisblack", ome=True, metadata={"axes": "ZYX"}),
        "5 z-planes",
    ),
    "ImageJ": (tiff(PLANES, imagej=True, metadata={"axes": "CYX"}), "5 channels"),
    "samples": (
        tiff(np.moveaxis(PLANES, 0, 2).copy(), photometric="minisblack", planarconfig="contig"),
        "5 channels",
    ),
    "planar samples": (
        tiff(PLANES, photometric="minisblack", planarconfig="separate", metadata=None),
        "5 channels",
    ),
}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("frame", FRAMES)
def test_a_plane_is_chosen_and_all_are_named(stack: str, frame: Any) -> None:
    data, layers = STACKS[stack]
    said = facts(data)
    assert (said.frames, said.layers) == (5, layers)
    canvas = contract(1, frame=frame).canvas(data)
    np.testing.assert_array_equal(canvas[..., 0], FRAMES[frame])


def test_planes_of_many_bits_are_chosen_before_they_become_bytes() -> None:
    planes = np.stack([np.roll(grey(4095), n, axis=0) for n in range(3)])
    data = tiff(planes, photometric="minisblack", metadata=None)
    canvas = contract(1, frame="max", range=(0.0, 4095.0)).canvas(data)
    np.testing.assert_array_equal(canvas[..., 0], expected(planes.max(axis=0), 0, 4095))


def test_a_preview_is_not_a_plane() -> None:
    import io

    import tifffile

    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(np.full((HEIGHT, WIDTH), 9, np.uint8), photometric="minisblack", metadata=None)
        file.write(np.full((6, 10), 255, np.uint8), photometric="minisblack", metadata=None)
    assert (contract(1, frame="max").canvas(buffer.getvalue()) == 9).all()


def _map(fourth: np.ndarray[Any, Any], *, geographic: bool, dtype: Any = np.uint8) -> bytes:
    bands = np.concatenate([colour(255).astype(dtype), fourth[..., np.newaxis]], axis=2)
    tags = [(33550, "d", 3, (1.0, 1.0, 0.0), True)] if geographic else []
    return tiff(bands.astype(dtype), photometric="rgb", extrasamples=["unassalpha"], extratags=tags)


def test_the_fourth_band_of_a_geotiff_is_not_transparency() -> None:
    data = _map(np.full((HEIGHT, WIDTH), 5), geographic=True)
    assert not facts(data).transparent
    assert facts(data).channels == 4
    np.testing.assert_array_equal(contract().canvas(data), colour(255))
    wide = _map(np.full((HEIGHT, WIDTH), 5), geographic=True, dtype=np.uint16)
    np.testing.assert_array_equal(contract(range=(0.0, 255.0)).canvas(wide), colour(255))


def test_four_bands_as_rasterio_writes_them() -> None:
    """It marks the fourth band as alpha, though near infrared stands in it."""
    data = (Path(__file__).parent / "written" / "four_bands.tif").read_bytes()
    rows, columns = np.mgrid[0:12, 0:16]
    said = facts(data)
    assert (said.channels, said.transparent) == (4, False)
    expected_bands = np.stack([rows * 20, columns * 15, 255 - rows * 20], axis=2)
    canvas = replace(contract(), height=12, width=16).canvas(data)
    np.testing.assert_array_equal(canvas, expected_bands)


def test_transparency_may_be_ignored() -> None:
    data = _map(np.full((HEIGHT, WIDTH), 5), geographic=False)
    assert facts(data).transparent
    np.testing.assert_array_equal(contract(transparency="ignore").canvas(data), colour(255))
    assert contract().canvas(data).min() > 240
