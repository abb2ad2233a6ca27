from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFile, PngImagePlugin

from nunbit.data.decoding import decode, facts
from nunbit.data.inspect import Inspection, inspect
from nunbit.data.sources import load_samples
from nunbit.data.storage import ImageArrays, ImageFiles
from nunbit.errors import UnusableImage
from nunbit.progress import SILENT, Silent
from nunbit.types import ImageFacts, Samples
from tests.data.odd_images import HEIGHT, WIDTH, encoded, odd_images, write_odd_images
from tests.data.photos import samples_of

T = TypeVar("T")
inspect_module = importlib.import_module("nunbit.data.inspect")
ODD = {odd.name: odd for odd in odd_images()}


def look(folder: Path, reasons: tuple[str, ...] = ()) -> tuple[Samples, Inspection]:
    samples = samples_of(ImageFiles(files=tuple(sorted(folder.iterdir()))), reasons)
    return samples, inspect(samples, workers=2, progress=SILENT)


@pytest.mark.parametrize("odd", [o for o in ODD.values() if not o.reason], ids=lambda o: o.name)
def test_facts_are_those_of_the_upright_first_frame(odd) -> None:  # type: ignore[no-untyped-def]
    found = facts(odd.data)
    assert (found.width, found.height, found.bytes) == (WIDTH, HEIGHT, len(odd.data))
    assert found.rotated == (odd.name.startswith("exif_") and odd.name[5] in "2345678")


def test_facts_of_some_kinds() -> None:
    def summary(name: str) -> tuple[str, str, int, bool]:
        found = facts(ODD[name].data)
        return found.format, found.mode, found.frames, found.transparent

    assert summary("png_inside.jpg") == ("PNG", "RGB", 1, False)
    assert summary("camera.jpg") == ("MPO", "RGB", 2, False)
    assert summary("animated.gif")[2] == 3
    assert summary("pages.tif")[2] == 3
    assert summary("grey_16_bit.png")[1] == "I;16"
    assert summary("cmyk.jpg")[1] == "CMYK"
    assert summary("palette_alpha.png") == ("PNG", "P", 1, True)
    assert summary("grey_alpha.png") == ("PNG", "LA", 1, True)
    with pytest.raises(UnusableImage, match="not an image"):
        facts(b"no image")


def test_no_pixel_is_decoded_for_the_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: decoded.append(image.format))
    for odd in ODD.values():
        if odd.name == "icon.ico":  # Pillow decodes the small pictures within to choose one
            continue
        with contextlib.suppress(UnusableImage):
            facts(odd.data)
    assert decoded == []


@pytest.mark.parametrize("kind", ["exif", "text", "xmp"])
def test_a_png_may_be_rotated_too(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    more = PngImagePlugin.PngInfo()
    if kind == "text":  # as ImageMagick writes it
        block = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
        text = f"\nexif\n{len(block):8}\n{block.hex()}\n"
        more.add_text("Raw profile type exif", text, zip=True)
    if kind == "xmp":
        packet = '<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
        more.add_itxt("XML:com.adobe.xmp", packet, zip=True)
    given = {"exif": exif} if kind == "exif" else {}
    data = encoded(Image.new("RGB", (30, 20)), "PNG", pnginfo=more, **given)
    found = facts(data)
    assert (found.width, found.height, found.rotated) == (20, 30, True)
    assert decode(data, max_pixels=1000, background=0).size == (20, 30)


def test_an_interruption_does_not_wait_for_the_files_that_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, shut = [], threading.Event()

    def facts(images: ImageFiles, row: int) -> None:
        looked.append(images.file(row))
        if row > 0:
            shut.wait()

    class Pool(ThreadPoolExecutor):
        """Lets its threads go on only once its end has been asked for."""

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            shut.set()
            super().shutdown(wait=wait)

    class Interrupted(Silent):
        def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:
            yield next(iter(items))
            raise KeyboardInterrupt

    monkeypatch.setattr(ImageFiles, "facts", facts)
    monkeypatch.setattr("nunbit.data.inspect.ThreadPoolExecutor", Pool)
    files = tuple(tmp_path / f"{number}.png" for number in range(2000))
    with pytest.raises(KeyboardInterrupt):
        inspect(samples_of(ImageFiles(files=files)), workers=2, progress=Interrupted())
    assert len(looked) <= 3  # the first, and one that each thread has begun


def test_every_file_has_a_digest_and_an_outcome(tmp_path: Path) -> None:
    write_odd_images(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    samples, found = look(tmp_path)
    for path, digest, fact, reason in zip(
        samples.paths, found.sha256, found.facts, found.reasons, strict=True
    ):
        odd = ODD[path]
        assert digest == (hashlib.sha256(odd.data).hexdigest() if odd.data else "")
        if fact is None:
            assert reason.startswith(odd.reason)
            assert odd.reason
        else:
            # What breaks further in is found when the pixels are made.
            assert reason == ""
    assert found.considered == sum(odd.counts for odd in ODD.values())
    assert found.bad == sum(
        fact is None and ODD[path].counts
        for path, fact in zip(samples.paths, found.facts, strict=True)
    )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_remarks_count_what_is_odd_and_used(tmp_path: Path) -> None:
    names = ["png_inside.jpg", "jpeg_inside.png", "image_inside.txt", "exif_1.jpg", "exif_3.jpg"]
    names += ["exif_6.jpg", "animated.gif", "camera.jpg", "alpha.png", "cmyk.jpg", "one_bit.png"]
    names += ["grey_16_bit.png", "truncated.webp"]
    for name in names:
        (tmp_path / name).write_bytes(ODD[name].data)
    _, found = look(tmp_path)
    assert found.remarks == (
        "1 file not named as an image with PNG content: used by content (e.g. image_inside.txt)",
        "1 file named as JPEG with PNG content: used by content (e.g. png_inside.jpg)",
        "1 file named as PNG with JPEG content: used by content (e.g. jpeg_inside.png)",
        "2 files rotated by EXIF: turned upright (e.g. exif_3.jpg)",
        "1 file with transparency: shown over the background (e.g. alpha.png)",
        "1 file in CMYK: converted to RGB (e.g. cmyk.jpg)",
        "1 file with more than 8 bits: made 8 bits over the range that the input contract states"
        " (e.g. grey_16_bit.png)",
    )


def test_the_sources_reason_comes_first_and_still_counts_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(ODD["plain.png"].data)
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "c.png").write_bytes(ODD["plain.png"].data)
    _, found = look(tmp_path, ("", "no label", "no label"))
    assert found.reasons == ("", "no label", "no label")
    assert (found.bad, found.considered) == (1, 3)
    assert len(found.usable) == 1


def test_what_a_table_excludes_is_no_bad_image(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(ODD["plain.png"].data if name != "b.png" else b"")
    rows = "a.png,x,\nb.png,x,excluded\nc.png,y,\n"
    (tmp_path / "table.csv").write_text(f"path,label,split\n{rows}", encoding="utf-8")
    found = inspect(load_samples(tmp_path / "table.csv"), workers=1, progress=SILENT)
    assert found.reasons == ("", "excluded by the table", "")
    assert (found.bad, found.considered) == (0, 2)


def test_sidecars_and_empty_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(ODD["plain.png"].data)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "notes.md").write_bytes(b"# notes")
    _, found = look(tmp_path)
    assert found.reasons == ("", "zero bytes", "zero bytes", "not an image")
    assert (found.bad, found.considered) == (1, 2)


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    files = (tmp_path / "folder.png", tmp_path / "gone.png", tmp_path / "pipe.png")
    found = inspect(samples_of(ImageFiles(files=files)), workers=1, progress=SILENT)
    assert found.reasons == (
        "not a regular file",
        "missing: there is no such file",
        "not a regular file",
    )
    assert found.sha256 == ("", "", "")
    assert (found.bad, found.considered) == (3, 3)


def test_a_file_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "film.jpg").open("wb") as file:
        file.truncate(3_000_000_000)
    _, found = look(tmp_path)
    assert found.reasons == ("enormous: a file of 3.0 GB, the limit is 1.1 GB",)


def test_sizes_and_colour_over_the_usable(tmp_path: Path) -> None:
    for number, (width, height) in enumerate([(10, 20), (30, 40), (50, 90)]):
        data = encoded(Image.new("L", (width, height)), "PNG")
        (tmp_path / f"{number}.png").write_bytes(data)
    (tmp_path / "colour.png").write_bytes(encoded(Image.new("RGB", (999, 999)), "PNG"))
    _, found = look(tmp_path, ("", "", "", "no label"))
    assert (found.median_width, found.median_height) == (30, 40)
    assert found.is_grey  # the colour image is excluded
    assert not found.same_size


def test_grey_and_same_size(tmp_path: Path) -> None:
    for name in ("grey.png", "one_bit.png", "grey_16_bit.png", "grey_alpha.png"):
        (tmp_path / name).write_bytes(ODD[name].data)
    _, found = look(tmp_path)
    assert found.is_grey
    assert found.same_size
    (tmp_path / "plain.jpg").write_bytes(ODD["plain.jpg"].data)
    assert not look(tmp_path)[1].is_grey


def test_nothing_usable_has_no_median(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    _, found = look(tmp_path)
    with pytest.raises(ValueError, match="no usable image"):
        _ = found.median_height
    assert not found.is_grey
    assert not found.same_size


def test_arrays_are_told_apart_by_content_and_shape() -> None:
    array = np.zeros((4, 2, 8, 1), dtype=np.uint8)
    array[2] = 1
    found = inspect(samples_of(ImageArrays(array=array)), workers=2, progress=SILENT)
    assert found.sha256[0] == found.sha256[1] == found.sha256[3] != found.sha256[2]
    turned = inspect(
        samples_of(ImageArrays(array=array.reshape(4, 8, 2, 1))), workers=2, progress=SILENT
    )
    assert turned.sha256[0] != found.sha256[0]
    assert found.facts[0] == ImageFacts(8, 2, "L", "array", 1, 16, False, False)
    assert (found.bad, found.considered, found.remarks) == (0, 4, ())
    assert (found.median_height, found.median_width) == (2, 8)
    assert found.is_grey
    assert found.same_size


def photograph(**tags: object) -> bytes:
    """A JPEG whose EXIF block has these entries; those of `details` stand in the sub-block."""
    block = Image.Exif()
    for name, value in tags.items():
        if name != "details":
            block[getattr(ExifTags.Base, name)] = value
    for name, value in dict(tags.get("details", {})).items():  # type: ignore[call-overload]
        block.get_ifd(ExifTags.IFD.Exif)[getattr(ExifTags.Base, name)] = value
    return encoded(Image.new("RGB", (8, 8)), "JPEG", exif=block)


@pytest.mark.parametrize(
    ("tags", "camera", "taken"),
    [
        ({}, "", ""),
        ({"Make": "Canon", "Model": "Canon EOS 5D"}, "Canon EOS 5D", ""),
        ({"Make": "Apple", "Model": "iPhone 4"}, "Apple iPhone 4", ""),
        ({"Make": "Pen\x07tax \x00", "Model": ""}, "Pen tax", ""),
        ({"DateTime": "2020:02:29 12:00:01"}, "", "2020-02-29T12:00:01"),
        (
            {
                "DateTime": "2021:01:01 00:00:00",
                "details": {"DateTimeOriginal": "2019:12:31 23:59:59"},
            },
            "",
            "2019-12-31T23:59:59",
        ),
        ({"details": {"DateTimeDigitized": "2018:01:02 03:04:05"}}, "", "2018-01-02T03:04:05"),
        ({"DateTime": "0000:00:00 00:00:00"}, "", ""),
        ({"DateTime": "yesterday"}, "", ""),
    ],
)
def test_camera_and_date_come_from_exif(tags: dict[str, object], camera: str, taken: str) -> None:
    found = facts(photograph(**tags))
    assert (found.camera, found.taken) == (camera, taken)
    assert not found.rotated


def test_a_broken_exif_block_has_neither() -> None:
    found = facts(ODD["exif_broken.jpg"].data)
    assert (found.camera, found.taken) == ("", "")
