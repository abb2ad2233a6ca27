from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from nunbit.data.materialise import folder_names, safe_name, write_class_folders
from nunbit.data.sources import load_samples
from nunbit.data.storage import ImageArrays
from nunbit.errors import DataError, UsageError
from nunbit.progress import SILENT, Silent
from nunbit.types import Samples
from tests.fixtures_data import write_files

T = TypeVar("T")


class Listener(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.tracked: list[int] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:
        self.tracked.append(total)
        return iter(items)


def array_samples(classes: tuple[str, ...] = ("a", "b"), channels: int = 3) -> Samples:
    number = 2 * len(classes)
    array = np.random.default_rng(0).integers(0, 256, (number, 5, 4, channels), dtype=np.uint8)
    return Samples(
        name="x",
        location="x",
        classes=classes,
        images=ImageArrays(array=array),
        paths=tuple(f"train/{row:05d}" for row in range(number)),
        labels=np.arange(number) % len(classes),
        parts=("",) * number,
        groups=("",) * number,
        reasons=("",) * number,
    )


def tree(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_copies_files_into_parts(tmp_path: Path) -> None:
    data = write_files(tmp_path / "data", "a/1.jpg", "a/2.JPG", "b/1.jpg", "b/sub/3.x")
    (data / "a/1.jpg").write_bytes(b"first")
    before = {path: (data / path).stat().st_mtime_ns for path in tree(data)}
    samples = load_samples(data)
    parts = {"train": np.array([0, 2]), "validation": np.array([1]), "test": np.array([3])}
    listener = Listener()
    write_class_folders(samples, parts, tmp_path / "new/out", listener)
    out = tmp_path / "new/out"
    assert tree(out) == ["test/b/3.x", "train/a/1.jpg", "train/b/1.jpg", "validation/a/2.JPG"]
    assert (out / "train/a/1.jpg").read_bytes() == b"first"
    assert (out / "train/a/1.jpg").stat().st_mtime_ns == before["a/1.jpg"]
    assert before == {path: (data / path).stat().st_mtime_ns for path in tree(data)}
    assert listener.tracked == [4]
    assert listener.notes == []
    assert [entry.name for entry in out.parent.iterdir()] == ["out"]
    again = load_samples(out)
    assert (again.classes, set(again.parts)) == (("a", "b"), {"train", "validation", "test"})


def test_one_part_without_a_name(tmp_path: Path) -> None:
    samples = load_samples(write_files(tmp_path / "data", "a/1.jpg", "b/1.jpg"))
    (tmp_path / "out").mkdir()
    write_class_folders(samples, {"": np.arange(2)}, tmp_path / "out", SILENT)
    assert tree(tmp_path / "out") == ["a/1.jpg", "b/1.jpg"]


def test_nested_names_do_not_collide(tmp_path: Path) -> None:
    paths = ("a/x/1.jpg", "a/y/1.JPG", "a/2.jpg", "b/1.jpg", "a/a_x_1.jpg")
    samples = load_samples(write_files(tmp_path / "data", *paths))
    write_class_folders(samples, {"": np.arange(5)}, tmp_path / "out", SILENT)
    assert tree(tmp_path / "out") == [
        "a/2.jpg",
        "a/a_x_1-2.jpg",
        "a/a_x_1.jpg",
        "a/a_y_1.JPG",
        "b/1.jpg",
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_become_png(tmp_path: Path, channels: int) -> None:
    samples = array_samples(channels=channels)
    write_class_folders(samples, {"train": np.arange(4)}, tmp_path / "out", SILENT)
    assert tree(tmp_path / "out") == [
        "train/a/train-00000.png",
        "train/a/train-00002.png",
        "train/b/train-00001.png",
        "train/b/train-00003.png",
    ]
    assert isinstance(samples.images, ImageArrays)
    for row in range(4):
        with Image.open(tmp_path / f"out/train/{'ab'[row % 2]}/train-{row:05d}.png") as image:
            assert image.mode == {1: "L", 3: "RGB"}[channels]
            np.testing.assert_array_equal(
                np.asarray(image).reshape(5, 4, channels), samples.images.array[row]
            )


def test_unsafe_class_names_are_changed_with_a_note(tmp_path: Path) -> None:
    listener = Listener()
    samples = array_samples(("T-shirt/top", "Bag"))
    write_class_folders(samples, {"": np.arange(4)}, tmp_path / "out", listener)
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == ["Bag", "T-shirt_top"]
    assert listener.notes == [
        "class 'T-shirt/top' has the folder 'T-shirt_top': no folder has its name"
    ]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Ankle boot", "Ankle boot"),
        ("T-shirt/top", "T-shirt_top"),
        ("été 猫", "été 猫"),
        ("..", "_"),
        (".hidden", "_.hidden"),
        ("Thumbs.db", "_Thumbs.db"),
        ("nul", "_nul"),
        ("con.x", "_con.x"),
        ("dot.", "dot_"),
        ('a<b>:"|?*\\\n', "a_b________"),
    ],
)
def test_safe_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(names=st.sets(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=8))
def test_folder_names_are_usable_and_different(names: set[str]) -> None:
    folders = folder_names(sorted(names))
    assert len({folder.casefold() for folder in folders.values()}) == len(names)
    for folder in folders.values():
        assert folder == Path(folder).name
        assert len(folder.encode()) < 256
        assert not folder.startswith(".")
        assert safe_name(folder) == folder


@given(name=st.text(st.characters(codec="utf-8"), min_size=1))
def test_safe_names_can_be_made_on_disk(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder = tmp_path_factory.mktemp("safe") / safe_name(name)
    folder.mkdir()
    assert folder.is_dir()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    samples = load_samples(write_files(tmp_path / "data", "a/1.jpg", "b/1.jpg"))
    write_files(tmp_path / "out", "precious")
    with pytest.raises(UsageError, match="not empty") as caught:
        write_class_folders(samples, {"": np.arange(2)}, tmp_path / "out", SILENT)
    assert str(tmp_path / "out") in str(caught.value)
    assert tree(tmp_path / "out") == ["precious"]
    with pytest.raises(UsageError, match="this is a file"):
        write_class_folders(samples, {"": np.arange(2)}, tmp_path / "out/precious", SILENT)


def test_never_into_the_data(tmp_path: Path) -> None:
    samples = load_samples(write_files(tmp_path, "a/1.jpg", "b/1.jpg"))
    for out in (tmp_path / "split", tmp_path / "a/new"):
        with pytest.raises(UsageError, match="inside the data"):
            write_class_folders(samples, {"": np.arange(2)}, out, SILENT)
        assert not out.exists()


@pytest.mark.parametrize("existed", [False, True])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, existed: bool) -> None:
    if existed:
        (tmp_path / "out").mkdir()
    samples = load_samples(write_files(tmp_path / "data", "a/1.jpg", "b/1.jpg"))
    (tmp_path / "data/b/1.jpg").unlink()
    with pytest.raises(DataError, match="cannot be copied") as caught:
        write_class_folders(samples, {"": np.arange(2)}, tmp_path / "out", SILENT)
    assert str(tmp_path / "data/b/1.jpg") in str(caught.value)
    assert tree(tmp_path) == ["data/a/1.jpg"]
    assert sorted(e.name for e in tmp_path.iterdir()) == (["data", "out"] if existed else ["data"])


def test_rows_without_a_label_are_a_mistake_of_the_caller(tmp_path: Path) -> None:
    samples = load_samples(write_files(tmp_path / "data", "a/1.jpg", "b/1.jpg", "loose"))
    with pytest.raises(ValueError, match=r"'loose'\) has no label"):
        write_class_folders(samples, {"": np.arange(3)}, tmp_path / "out", SILENT)


def test_digits_make_the_round_trip(tmp_path: Path) -> None:
    samples = load_samples("digits")
    write_class_folders(samples, {"": np.arange(200)}, tmp_path / "out", SILENT)
    back = load_samples(tmp_path / "out")
    assert back.classes == samples.classes
    assert len(back) == 200
