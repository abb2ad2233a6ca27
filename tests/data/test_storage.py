"""A kind of storage that nunbit does not know: images in a zip archive, added by one class."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nunbit.config import load_config
from nunbit.data import sources
from nunbit.data.decode_rows import How, decode_batches
from nunbit.data.inspect import inspect
from nunbit.data.inspection_cache import InspectionCache
from nunbit.data.materialise import write_class_folders
from nunbit.data.sources import Source, load_samples
from nunbit.data.sources.raw_samples import RawSamples, Rows, SourceOptions
from nunbit.data.storage import FilesBelow, ImageArrays, ImageFiles
from nunbit.pipelines.train import train
from nunbit.progress import SILENT
from tests.data.photos import CONTRACT
from tests.data.zip_members import ZipMembers
from tests.fixtures_data import write_files

PER_CLASS = 20


def load_zip(path: Path, options: SourceOptions) -> RawSamples:
    rows = Rows[str](store=lambda names: ZipMembers(archive=path, members=names))
    with zipfile.ZipFile(path) as opened:
        for name in opened.namelist():
            rows.add(name, name, name=name.partition("/")[0])
    return rows.raw_samples()


def png(grey: int, spot: int) -> bytes:
    pixels = np.full((12, 16, 3), grey, dtype=np.uint8)
    pixels[spot % 12, spot % 16] = 255 - grey
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PNG")
    return content.getvalue()


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Bright and dark pictures, all different, and one member that is cut off."""
    monkeypatch.setenv("NUNBIT_CACHE", str(tmp_path / "cache"))
    kind = Source(
        kind="zip",
        form="a zip archive",
        looks_like="class folders in a zip archive",
        recognises=lambda path: path.suffix == ".zip",
        load=load_zip,
    )
    monkeypatch.setattr(sources, "SOURCES", (kind, *sources.SOURCES))
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as opened:
        for i in range(PER_CLASS):
            opened.writestr(f"bright/{i}.png", png(200 + i, i))
            opened.writestr(f"dark/{i}.png", png(30 + i, i))
        opened.writestr("dark/cut.png", png(90, 5)[:-40])
    return path


def unpacked(archive: Path) -> Path:
    folder = archive.parent / "pictures"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def test_it_is_inspected_as_the_same_files_are(archive: Path) -> None:
    packed = inspect(load_samples(archive), workers=2, progress=SILENT)
    loose = inspect(load_samples(unpacked(archive)), workers=2, progress=SILENT)
    assert packed == loose
    assert len(packed.sha256) == 2 * PER_CLASS + 1


def test_what_is_known_of_it_holds_as_long_as_the_archive_is_as_it_was(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nunbit.data.inspection_cache.RACY_SECONDS", -1.0)
    samples = load_samples(archive)

    def remembered() -> InspectionCache:
        return InspectionCache(tmp_path / "looks", samples.location)

    first = inspect(samples, workers=1, progress=SILENT, remembered=remembered())
    assert None not in remembered().find(samples.paths, samples.images)
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr("bright/new.png", png(180, 3))
    changed = load_samples(archive)
    assert set(remembered().find(changed.paths, changed.images)) == {None}
    second = inspect(changed, workers=1, progress=SILENT, remembered=remembered())
    assert set(second.sha256) > set(first.sha256)


@pytest.mark.parametrize("how", ["inline", "threads", "processes"])
def test_it_is_decoded_as_the_same_files_are_in_every_way(archive: Path, how: How) -> None:
    packed, loose = (load_samples(place) for place in (archive, unpacked(archive)))
    digests = inspect(packed, workers=1, progress=SILENT).sha256
    batches = np.array_split(np.arange(len(packed)), 3)
    if how == "processes":  # they import what they decode by its name: a module of tests, too
        assert pickle.loads(pickle.dumps(packed.images.take([3, 1]))) == packed.images.take([3, 1])
    one, other = (
        list(
            decode_batches(
                samples.images, batches, preprocess=CONTRACT, sha256=digests, workers=2, how=how
            )
        )
        for samples in (packed, loose)
    )
    for mine, theirs in zip(one, other, strict=True):
        assert np.array_equal(mine.pixels, theirs.pixels)
        assert mine.reasons == theirs.reasons
    assert sum(reason != "" for result in one for reason in result.reasons) == 1


def test_it_is_split_and_written_out(archive: Path, tmp_path: Path) -> None:
    samples = load_samples(archive)
    rows = {"train": np.arange(4), "test": np.arange(25, 27)}
    write_class_folders(samples, rows, tmp_path / "out", SILENT)
    written = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*.png")
    }
    expected = {
        f"{part}/{samples.paths[row]}": samples.images.read(int(row))
        for part, some in rows.items()
        for row in some
    }
    assert written == expected


def test_a_network_is_trained_on_it_as_on_the_same_files(archive: Path, tmp_path: Path) -> None:
    settings = {"training.epochs": 1, "model.name": "smallcnn", "training.batch_size": 8}
    runs = {}
    for name, place in (("packed", archive), ("loose", unpacked(archive))):
        config = load_config(data=str(place), recipe=None, settings=settings)
        runs[name] = train(config, out=tmp_path / name)
    split = [(runs[name].folder / "split.csv").read_bytes() for name in ("packed", "loose")]
    assert split[0] == split[1]
    report = (runs["packed"].folder / "report.html").read_text(encoding="utf-8")
    assert "can no longer" not in report
    for key in ("accuracy", "macro_f1", "counts"):
        assert runs["packed"].summary.get(key) == runs["loose"].summary.get(key)


def test_taking_rows_keeps_their_order(tmp_path: Path) -> None:
    array = np.arange(5 * 2 * 2, dtype=np.uint8).reshape(5, 2, 2, 1)
    some = ImageArrays(array=array).take([4, 0])
    assert np.array_equal(some.read(0), array[4])
    assert len(some) == 2
    files = ImageFiles(files=tuple(tmp_path / f"{i}.png" for i in range(3)))
    assert files.take(np.array([2, 0])).files == (files.files[2], files.files[0])
    below = FilesBelow(root=tmp_path, paths=("a/0.png", "1.png", "2.png"))
    assert [below.file(row) for row in range(3)] == [tmp_path / path for path in below.paths]
    assert below.name(0) == "0.png"
    assert below.take(np.array([2, 0])).paths == ("2.png", "a/0.png")
    write_files(tmp_path, "1.png")
    assert below.read(1) == (tmp_path / "1.png").read_bytes()
    below.write(1, tmp_path / "copy.png")
    assert (tmp_path / "copy.png").read_bytes() == below.read(1)
