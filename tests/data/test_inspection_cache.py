"""Files that are as they were are not read again; any change is noticed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nunbit.data import inspect as inspecting
from nunbit.data import inspection_cache as looks
from nunbit.data.formats import foreign
from nunbit.data.inspect import Inspection
from nunbit.data.inspection_cache import InspectionCache
from nunbit.data.sources import load_samples
from nunbit.data.storage import ImageFiles
from nunbit.progress import SILENT
from nunbit.types import FileRecord

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no time of the last change")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name, grey in (("a/1.png", 10), ("a/2.png", 20), ("b/3.png", 30)):
        write(folder / name, grey)
    (folder / "b" / "4.png").write_bytes(b"no image")
    return folder


def write(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 5, 3), grey, dtype=np.uint8)).save(path)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Path], list[str]]:
    """Inspects a folder, and says which files were read for it; nothing counts as racy."""
    monkeypatch.setattr(looks, "RACY_SECONDS", -1.0)
    names: list[str] = []
    original = ImageFiles.facts

    def facts(images: ImageFiles, row: int) -> FileRecord:
        names.append(images.name(row))
        return original(images, row)

    monkeypatch.setattr(ImageFiles, "facts", facts)

    def inspected(folder: Path) -> list[str]:
        names.clear()
        found = inspect(folder, tmp_path)
        assert found == inspect(folder, None)
        return sorted(names[: len(names) - 4])

    return inspected


def inspect(folder: Path, cache: Path | None) -> Inspection:
    samples = load_samples(folder)
    remembered = cache and InspectionCache(cache / "looks", samples.location)
    return inspecting.inspect(samples, workers=1, progress=SILENT, remembered=remembered or None)


def test_what_is_as_it_was_is_not_read_again(
    photos: Path, read: Callable[[Path], list[str]]
) -> None:
    assert read(photos) == ["1.png", "2.png", "3.png", "4.png"]
    assert read(photos) == []


def test_other_content_of_the_same_size_and_time_is_noticed(
    photos: Path, read: Callable[[Path], list[str]]
) -> None:
    read(photos)
    path = photos / "a" / "1.png"
    before = path.stat()
    write(path, 99)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert read(photos) == ["1.png"]


def test_a_file_in_another_ones_place_is_noticed(
    photos: Path, read: Callable[[Path], list[str]]
) -> None:
    read(photos)
    (photos / "a" / "1.png").rename(photos / "a" / "5.png")
    (photos / "a" / "2.png").rename(photos / "a" / "1.png")
    assert read(photos) == ["1.png", "5.png"]


def test_a_file_that_changed_just_now_is_looked_at_again(
    photos: Path, read: Callable[[Path], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "RACY_SECONDS", 1000.0)
    read(photos)
    assert len(read(photos)) == 4


def test_a_damaged_record_is_none(
    photos: Path, tmp_path: Path, read: Callable[[Path], list[str]]
) -> None:
    read(photos)
    (record,) = (tmp_path / "looks").iterdir()
    record.write_bytes(record.read_bytes().replace(b"RGB", b"RGA"))
    assert len(read(photos)) == 4
    record.write_bytes(b"")
    assert len(read(photos)) == 4
    assert read(photos) == []


def test_another_decoder_looks_for_itself(
    photos: Path, read: Callable[[Path], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    read(photos)
    monkeypatch.setattr("PIL.__version__", "0.0")
    assert len(read(photos)) == 4


def test_the_oldest_records_go(
    photos: Path,
    tmp_path: Path,
    read: Callable[[Path], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looks, "MAX_RECORDS", 2)
    for name in ("x", "y", "z"):
        photos.rename(tmp_path / name)
        read(tmp_path / name)
        for record in (tmp_path / "looks").iterdir():
            os.utime(record, ns=(0, record.stat().st_mtime_ns - 10**9))
        (tmp_path / name).rename(photos)
    assert len(list((tmp_path / "looks").iterdir())) == 2


def test_where_nothing_can_be_kept_the_user_is_told(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "RACY_SECONDS", -1.0)
    (tmp_path / "looks").write_text("a file", encoding="utf-8")
    told: list[str] = []

    class Told(type(SILENT)):  # type: ignore[misc]
        def note(self, text: str) -> None:
            told.append(text)

    samples = load_samples(photos)
    remembered = InspectionCache(tmp_path / "looks", samples.location)
    inspecting.inspect(samples, workers=1, progress=Told(), remembered=remembered)
    assert len(told) == 1
    assert told[0].startswith("what is in the files is not cached: ")


def test_a_reader_that_was_installed_since_is_asked(
    photos: Path, read: Callable[[Path], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be read without an extra must not stay so once it is there."""
    monkeypatch.setattr(foreign, "installed_readers", lambda: ())
    read(photos)
    monkeypatch.setattr(foreign, "installed_readers", lambda: ("pydicom 3.0.2",))
    assert len(read(photos)) == 4
    assert read(photos) == []
