from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from nunbit.cli.inputs import expand
from nunbit.errors import UsageError
from nunbit.progress import SILENT, Silent


class Notes(Silent):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def note(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    image = Image.new("RGB", (2, 2))
    for name in ("b.png", "a.JPG", "deep/deeper/c.webp", ".hidden/d.png", "x[1].png"):
        image.save(folder / name)
    image.save(folder / "nameless", format="PNG")
    (folder / "broken.png").write_bytes(b"")
    (folder / "notes.txt").write_text("not an image")
    (folder / "Thumbs.db").write_bytes(b"x")
    return folder


def test_a_folder_gives_its_images_sorted_and_tells_what_it_left_out(photos: Path) -> None:
    notes = Notes()
    names = [path.relative_to(photos).as_posix() for path in expand([str(photos)], notes)]
    assert names == ["a.JPG", "b.png", "broken.png", "deep/deeper/c.webp", "nameless", "x[1].png"]
    ignored, others = notes.messages
    assert "2 hidden files or folders ignored" in ignored
    assert others == f"{photos}: 1 file that is not an image was skipped, e.g. notes.txt"


def test_a_file_named_on_its_own_is_taken_whatever_its_name(photos: Path) -> None:
    text = photos / "notes.txt"
    assert expand([str(text)], SILENT) == [text]


def test_a_glob_is_expanded_and_nothing_comes_twice(photos: Path) -> None:
    first, pattern = str(photos / "b.png"), str(photos / "*.png")
    names = [path.name for path in expand([first, pattern, first], SILENT)]
    assert names == ["b.png", "broken.png", "x[1].png"]
    deep = expand([str(photos / "**" / "*.webp")], SILENT)
    assert [path.name for path in deep] == ["c.webp"]


def test_a_name_with_the_characters_of_a_pattern_is_still_a_name(photos: Path) -> None:
    odd = photos / "x[1].png"
    assert expand([str(odd)], SILENT) == [odd]


def test_a_broken_link_stays_in_so_that_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    Image.new("L", (2, 2)).save(tmp_path / "here.png")
    assert [path.name for path in expand([str(tmp_path)], SILENT)] == ["gone.png", "here.png"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.png", "there is no such file or folder"),
        ("*.tiff", "no file matches this pattern"),
        ("empty", "this folder contains no images"),
    ],
)
def test_what_meets_nothing_is_named(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=message) as caught:
        expand([str(tmp_path / name)], SILENT)
    assert caught.value.path == str(tmp_path / name)
    assert caught.value.remedy
