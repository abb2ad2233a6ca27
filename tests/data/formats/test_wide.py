"""Samples of more than 8 bits, in files that the usual programs of each format write."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from nunbit.data.decoding import facts
from nunbit.data.formats import foreign
from nunbit.data.preprocess import Preprocess
from nunbit.data.storage import ImageFiles
from nunbit.data.value_range import measure_range
from nunbit.errors import UnusableImage

HEIGHT, WIDTH = 24, 40


def contract(channels: int = 3, **values: Any) -> Preprocess:
    values = {"mean": (0.5,) * channels, "std": (0.5,) * channels, **values}
    return Preprocess(height=HEIGHT, width=WIDTH, channels=channels, **values)  # type: ignore[arg-type]


def grey(largest: int, dtype: Any = np.uint16) -> np.ndarray[Any, Any]:
    """[h, w] of every kind of value up to the largest, in no order."""
    values = np.random.default_rng(0).integers(0, largest + 1, (HEIGHT, WIDTH))
    values[0, 0], values[0, 1] = 0, largest
    return values.astype(dtype)


def colour(largest: int) -> np.ndarray[Any, Any]:
    return np.stack([grey(largest), grey(largest)[::-1], grey(largest)[:, ::-1]], axis=2)


def tiff(values: np.ndarray[Any, Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


def pillow_png(values: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def expected(values: np.ndarray[Any, Any], low: float, high: float) -> np.ndarray[Any, Any]:
    scaled = (values.astype(np.float64) - low) * 255 / (high - low)
    return np.clip(np.floor(scaled + 0.5), 0, 255)


COLOUR_WRITERS: dict[str, Callable[[np.ndarray[Any, Any]], bytes]] = {
    "PNG": imagecodecs.png_encode,
    "TIFF": lambda v: tiff(v, photometric="rgb"),
    "TIFF, other byte order": lambda v: tiff(v, photometric="rgb", byteorder=">"),
    "TIFF, zlib with predictor": lambda v: tiff(
        v, photometric="rgb", compression="zlib", predictor=True
    ),
    "TIFF, tiles": lambda v: tiff(v, photometric="rgb", compression="lzw", tile=(16, 16)),
    "TIFF, big": lambda v: tiff(v, photometric="rgb", bigtiff=True),
    "TIFF, planar": lambda v: tiff(
        np.moveaxis(v, 2, 0).copy(), photometric="rgb", planarconfig="separate"
    ),
    "TIFF, planar and packed": lambda v: tiff(
        np.moveaxis(v, 2, 0).copy(), photometric="rgb", planarconfig="separate", compression="zlib"
    ),
    "JPEG 2000": lambda v: imagecodecs.jpeg2k_encode(v, level=0, codecformat="jp2"),
    "JPEG 2000 stream": lambda v: imagecodecs.jpeg2k_encode(v, level=0, codecformat="j2k"),
}
GREY_WRITERS: dict[str, Callable[[np.ndarray[Any, Any]], bytes]] = {
    "PNG": pillow_png,
    "TIFF": tiff,
    "TIFF, other byte order": lambda v: tiff(v, byteorder=">"),
    "TIFF, zlib": lambda v: tiff(v, compression="zlib"),
    "JPEG 2000": lambda v: imagecodecs.jpeg2k_encode(v, level=0, codecformat="jp2"),
}


@pytest.mark.parametrize("writer", COLOUR_WRITERS)
@pytest.mark.parametrize("largest", [1023, 4095, 16383])
def test_colour_keeps_its_levels_over_the_stated_range(writer: str, largest: int) -> None:
    values = colour(largest)
    data = COLOUR_WRITERS[writer](values)
    assert facts(data).wide
    canvas = contract(range=(0.0, float(largest))).canvas(data)
    np.testing.assert_array_equal(canvas, expected(values, 0, largest))


@pytest.mark.parametrize("writer", COLOUR_WRITERS)
def test_colour_of_the_full_range_is_right_to_one_level(writer: str) -> None:
    values = colour(65535)
    canvas = contract().canvas(COLOUR_WRITERS[writer](values))
    # Old contracts keep the upper byte; white is white, also in JPEG 2000.
    assert np.abs(canvas - values / 257).max() <= 1
    assert canvas.max() == 255


@pytest.mark.parametrize("writer", GREY_WRITERS)
@pytest.mark.parametrize(("low", "high"), [(0, 4095), (100, 600), (0, 65535)])
def test_grey_keeps_its_levels_over_the_stated_range(writer: str, low: int, high: int) -> None:
    values = np.maximum(grey(high), low).astype(np.uint16)
    canvas = contract(1, range=(float(low), float(high))).canvas(GREY_WRITERS[writer](values))
    np.testing.assert_array_equal(canvas[..., 0], expected(values, low, high))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64, np.float16])
def test_signed_and_floating_values(dtype: Any) -> None:
    values = (grey(2000).astype(np.int64) - 1000).astype(dtype)
    canvas = contract(1, range=(-1000.0, 1000.0)).canvas(tiff(values))
    np.testing.assert_array_equal(canvas[..., 0], expected(values, -1000, 1000))
    with pytest.raises(UnusableImage, match="no stated range"):
        contract(1).canvas(tiff(values))


def test_values_that_are_not_numbers_are_refused() -> None:
    values = grey(1, np.float32)
    values[3, 3] = np.nan
    with pytest.raises(UnusableImage, match="not numbers"):
        contract(1, range=(0.0, 1.0)).canvas(tiff(values))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_white_is_zero_at_every_depth(dtype: Any, compression: str | None) -> None:
    whole = np.iinfo(dtype).max
    values = grey(whole, dtype)
    data = tiff(whole - values, photometric="miniswhite", compression=compression)
    plain = tiff(values, photometric="minisblack", compression=compression)
    np.testing.assert_array_equal(contract(1).canvas(data), contract(1).canvas(plain))


def test_packed_twelve_bits_say_their_range_in_the_header(tmp_path: Path) -> None:
    values = grey(4095)
    data = _packed(values)
    assert (facts(data).bits, facts(data).range_high) == (12, 4095)
    (tmp_path / "a.tif").write_bytes(data)
    measured = _measured(tmp_path)
    assert measured.value == (0, 4095)
    assert "headers say 12 bits" in measured.reason
    canvas = contract(1, range=(0.0, 4095.0)).canvas(data)
    np.testing.assert_array_equal(canvas[..., 0], expected(values, 0, 4095))


def _packed(values: np.ndarray[Any, Any]) -> bytes:
    """A TIFF of 12 bits, two samples in three bytes, as cameras write it."""
    first, second = values[:, 0::2].astype(np.uint32), values[:, 1::2].astype(np.uint32)
    both = first << 12 | second
    packed = np.stack([both >> 16, both >> 8 & 255, both & 255], axis=2).astype(np.uint8)
    content = packed.tobytes()
    tags = ((256, 4, WIDTH), (257, 4, HEIGHT), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 8),
            (277, 3, 1), (278, 4, HEIGHT), (279, 4, len(content)))  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    start = struct.pack("<I", 8 + len(content))
    return b"II*\0" + start + content + struct.pack("<H", len(tags)) + entries + bytes(4)


def _measured(folder: Path, **values: Any) -> Any:
    files = sorted(folder.iterdir())
    images = ImageFiles(files=tuple(files))
    found = [facts(file.read_bytes()) for file in files]
    settings = {"max_pixels": 10**8, "frame": "first", **values}
    return measure_range(images, found, range(len(files)), **settings)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        (grey(4095), 0, 4095),
        (grey(1000), 0, 1023),
        (grey(16000), 0, 16383),
        (grey(65535), None, None),
        (np.clip(grey(600), 100, None), 100, 600),
        ((grey(3000).astype(np.int16) - 1000), -1000, 2000),
        (grey(1000).astype(np.float32) / 1000, 0, 1),
        (grey(1000).astype(np.float32) / 1000 * 40 - 10, -10, 30),
    ],
)
def test_what_is_measured(
    values: np.ndarray[Any, Any], low: float | None, high: float | None, tmp_path: Path
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.tif").write_bytes(tiff(values))
    assert _measured(tmp_path).value == ("full" if low is None else (low, high))


def test_hot_pixels_and_an_odd_file_do_not_decide(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(100, 601, (500, 500)).astype(np.uint16)
    values[0, 0], values[0, 1] = 65535, 0
    for number in range(5):
        (tmp_path / f"{number}.tif").write_bytes(tiff(values))
    assert _measured(tmp_path).value == (100, 600)


def test_eight_bits_are_not_measured(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(pillow_png(grey(255, np.uint8)))
    assert _measured(tmp_path) is None


def test_a_png_may_say_how_many_bits_are_significant(tmp_path: Path) -> None:
    data = pillow_png(grey(900))
    said = b"\0\0\0\1sBIT\x0c"
    chunk = said + zlib.crc32(said[4:]).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(data[:33] + chunk + data[33:])
    assert _measured(tmp_path).value == (0, 4095)


def test_transparency_of_sixteen_bits() -> None:
    values = np.concatenate([colour(4095), np.full((HEIGHT, WIDTH, 1), 65535)], axis=2)
    values = values.astype(np.uint16)
    values[5:10, :, 3] = 0
    shown = expected(values[..., :3], 0, 4095)
    shown[5:10] = 255
    for data in (imagecodecs.png_encode(values), tiff(values, photometric="rgb",
                                                      extrasamples=["unassalpha"])):  # fmt: skip
        canvas = contract(range=(0.0, 4095.0)).canvas(data)
        np.testing.assert_array_equal(canvas, shown)
    grey_alpha = np.ascontiguousarray(values[..., 2:])
    canvas = contract(1, range=(0.0, 4095.0)).canvas(imagecodecs.png_encode(grey_alpha))
    np.testing.assert_array_equal(canvas[..., 0], shown[..., 2])


def test_without_the_extra_the_file_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "_installed", lambda module: False)
    planar = COLOUR_WRITERS["TIFF, planar"](colour(65535))
    for data, words in (
        (planar, "3 channels of 16-bit samples; its colours"),
        (tiff(grey(9).astype(np.float64)), "a TIFF of 64-bit floating point samples"),
        (COLOUR_WRITERS["JPEG 2000"](colour(65535)), "3 components of 16 bits"),
    ):
        with pytest.raises(UnusableImage, match=words) as refusal:
            contract().canvas(data)
        assert refusal.value.what.endswith("python -m pip install 'nunbit[tiff]'")


def test_files_of_another_scale_are_refused(tmp_path: Path) -> None:
    small = tiff(grey(1000).astype(np.float32) / 1000)
    for name, data in (("a", tiff(grey(4095))), ("b", tiff(grey(4095))), ("c", small)):
        (tmp_path / name).write_bytes(data)
    assert _measured(tmp_path).value == (0, 4095)
    with pytest.raises(UnusableImage, match="another scale than the range"):
        contract(1, range=(0.0, 4095.0)).canvas(small)
    with pytest.raises(UnusableImage, match="another scale than the range"):
        contract(1, range=(0.0, 1.0)).canvas(tiff(grey(4095)))


def test_a_cut_file_of_wide_grey_and_alpha_is_refused_in_words() -> None:
    """Also where its lower bytes are read by opening the file a second time."""
    whole = imagecodecs.png_encode(np.stack([grey(65535), grey(65535)[::-1]], axis=2))
    assert contract(1, range=(0.0, 4095.0)).canvas(whole).shape == (HEIGHT, WIDTH, 1)
    ranges: tuple[Any, ...] = ("full", (0.0, 4095.0))
    for value_range in ranges:
        with pytest.raises(UnusableImage, match=r"truncated|damaged"):
            contract(1, range=value_range).canvas(whole[: len(whole) // 2])


def test_a_tiff_whose_tags_make_no_sense_is_refused_in_words() -> None:
    """Two widths, which neither Pillow nor a reader of its own can use."""
    entries = ((256, 3, 2, 5), (257, 3, 1, 5), (258, 3, 1, 16), (277, 3, 1, 1), (339, 3, 1, 3))
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    data = b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + bytes(64)
    with pytest.raises(UnusableImage):
        facts(data)
