from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from nunbit.data.sources import load_samples
from nunbit.data.storage import ImageFiles
from nunbit.errors import DataError, NunbitError
from tests.fixtures_data import write_files


def test_rows_are_sorted_and_named_after_their_folders(tmp_path: Path) -> None:
    write_files(tmp_path, "dog/2.jpg", "dog/10.jpg", "cat/b.png", "cat/a.png")
    samples = load_samples(tmp_path)
    assert samples.paths == ("cat/a.png", "cat/b.png", "dog/10.jpg", "dog/2.jpg")
    assert samples.classes == ("cat", "dog")
    assert samples.labels.tolist() == [0, 0, 1, 1]
    assert samples.name == tmp_path.name
    assert samples.location == str(tmp_path)
    assert isinstance(samples.images, ImageFiles)
    assert samples.images.files == tuple(tmp_path / path for path in samples.paths)
    assert set(samples.reasons) == set(samples.parts) == set(samples.groups) == {""}
    assert samples.notes == ()


def test_numbers_as_names_are_in_numeric_order(tmp_path: Path) -> None:
    write_files(tmp_path, *(f"{number}/1.png" for number in (10, 9, 2, 0)))
    assert load_samples(tmp_path).classes == ("0", "2", "9", "10")


def test_one_name_that_is_no_number_makes_the_order_plain(tmp_path: Path) -> None:
    write_files(tmp_path, *(f"{name}/1.png" for name in ("10", "9", "x")))
    assert load_samples(tmp_path).classes == ("10", "9", "x")


def test_nested_files_belong_to_the_class_folder(tmp_path: Path) -> None:
    write_files(tmp_path, "cat/young/1.jpg", "cat/old/grey/1.jpg", "dog/1.jpg")
    samples = load_samples(tmp_path)
    assert samples.paths == ("cat/old/grey/1.jpg", "cat/young/1.jpg", "dog/1.jpg")
    assert samples.classes == ("cat", "dog")


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "Val"])
def test_parts_above_the_class_folders(tmp_path: Path, validation: str) -> None:
    write_files(
        tmp_path,
        *(f"{part}/{name}/1.jpg" for part in ("train", validation, "test") for name in "ab"),
    )
    samples = load_samples(tmp_path)
    by_path = dict(zip(samples.paths, samples.parts, strict=True))
    assert by_path[f"{validation}/a/1.jpg"] == "validation"
    assert by_path["train/b/1.jpg"] == "train"
    assert by_path["test/b/1.jpg"] == "test"
    assert samples.classes == ("a", "b")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    write_files(tmp_path, "train/steam/1.jpg", "car/1.jpg", "plane/1.jpg")
    samples = load_samples(tmp_path)
    assert samples.classes == ("car", "plane", "train")
    assert set(samples.parts) == {""}
    assert "the folder 'train' is taken as a class" in "\n".join(samples.notes)


def test_two_folders_of_one_part_are_joined_with_a_note(tmp_path: Path) -> None:
    write_files(
        tmp_path, *(f"{part}/{c}/1.jpg" for part in ("train", "val", "valid") for c in "ab")
    )
    samples = load_samples(tmp_path)
    assert samples.parts.count("validation") == 4
    assert any("'val', 'valid' are all taken as the validation" in note for note in samples.notes)


def test_flat_test_folder_beside_training_folders_keeps_its_rows(tmp_path: Path) -> None:
    write_files(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "test/9.jpg", "read.me")
    samples = load_samples(tmp_path)
    assert dict(zip(samples.paths, samples.reasons, strict=True)) == {
        "read.me": "outside the folders 'test', 'train'",
        "test/9.jpg": "no label: 'test' has no class folders",
        "train/a/1.jpg": "",
        "train/b/1.jpg": "",
    }
    assert samples.labels.tolist() == [-1, -1, 0, 1]


def test_class_that_the_training_part_lacks(tmp_path: Path) -> None:
    write_files(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/c/1.jpg")
    with pytest.raises(DataError, match="the test part has images of classes that the training"):
        load_samples(tmp_path)


def test_only_a_test_part(tmp_path: Path) -> None:
    samples = load_samples(write_files(tmp_path, "test/a/1.jpg", "test/c/1.jpg"))
    assert samples.classes == ("a", "c")
    assert samples.parts == ("test", "test")


def test_litter_is_ignored_with_one_note(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        "a/1.jpg",
        "b/1.jpg",
        ".DS_Store",
        "a/Thumbs.db",
        "a/.ipynb_checkpoints/1.jpg",
        "b/desktop.ini",
        "__MACOSX/a/1.jpg",
        "b/@eaDir/1.jpg",
        "b/._1.jpg",
    )
    samples = load_samples(tmp_path)
    assert samples.paths == ("a/1.jpg", "b/1.jpg")
    assert samples.notes == (
        "7 hidden files or folders ignored, e.g. '.DS_Store', '__MACOSX', "
        "'a/.ipynb_checkpoints' and 4 more",
    )


def test_hidden_folders_above_the_data_do_not_hide_it(tmp_path: Path) -> None:
    assert len(load_samples(write_files(tmp_path / ".data", "a/1.jpg", "b/1.jpg"))) == 2


def test_loose_files_keep_a_row(tmp_path: Path) -> None:
    samples = load_samples(write_files(tmp_path, "a/1.jpg", "b/1.jpg", "notes.txt"))
    assert samples.paths == ("a/1.jpg", "b/1.jpg", "notes.txt")
    assert samples.reasons == ("", "", "outside the class folders")
    assert samples.labels.tolist() == [0, 1, -1]
    assert samples.label_name(2) == ""


def test_empty_class_folder(tmp_path: Path) -> None:
    samples = load_samples(write_files(tmp_path, "a/1.jpg", "b/1.jpg", "empty/", "litter/.x"))
    assert samples.classes == ("a", "b")
    assert "no image of class 'empty', 'litter': not used as a class" in samples.notes


def test_class_folder_empty_in_one_part(tmp_path: Path) -> None:
    write_files(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/b/")
    assert "empty class folder 'test/b'" in load_samples(tmp_path).notes


def test_one_class(tmp_path: Path) -> None:
    write_files(tmp_path, "a/1.jpg")
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert "only one class, 'a'" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_one_folder_too_high_is_told(tmp_path: Path) -> None:
    write_files(tmp_path, "photos/a/1.jpg", "photos/b/1.jpg")
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert f"give '{tmp_path / 'photos'}' instead" in caught.value.remedy


def test_images_beside_a_table_are_told(tmp_path: Path) -> None:
    write_files(tmp_path, "images/1.jpg", "labels.csv")
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert "'labels.csv' holds the labels" in caught.value.remedy


def test_names_that_differ_in_case(tmp_path: Path) -> None:
    write_files(tmp_path, "Cat/1.jpg", "cat/1.jpg", "dog/1.jpg")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system does not tell case apart")
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert "differ only in upper and lower case: 'Cat', 'cat'" in str(caught.value)
    assert '{"cat": "Cat"}' in caught.value.remedy


def test_names_that_differ_in_unicode_form_are_one_class(tmp_path: Path) -> None:
    composed = unicodedata.normalize("NFC", "café")
    decomposed = unicodedata.normalize("NFD", "café")
    write_files(tmp_path, f"{composed}/1.jpg", f"{decomposed}/2.jpg", "tea/1.jpg")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system does not tell Unicode forms apart")
    samples = load_samples(tmp_path)
    assert samples.classes == (composed, "tea")
    assert set(samples.paths) == {f"{composed}/1.jpg", f"{decomposed}/2.jpg", "tea/1.jpg"}
    (note,) = samples.notes
    assert "2 names differ only in Unicode form" in note
    assert ascii(decomposed) in note


def test_blanks_around_names(tmp_path: Path) -> None:
    samples = load_samples(write_files(tmp_path, "a /1.jpg", "a/2.jpg", "b/1.jpg"))
    assert samples.classes == ("a", "b")
    assert "blanks" in samples.notes[0]


def test_flat_folder_suggests_a_pattern(tmp_path: Path) -> None:
    write_files(
        tmp_path, *(f"{name}.{number}.jpg" for name in ("cat", "dog") for number in range(3))
    )
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert '--label-from "{label}.{number}.jpg"' in caught.value.remedy
    assert "'cat.0.jpg' would then be of class 'cat'" in caught.value.remedy
    assert len(load_samples(tmp_path, label_from="{label}.{number}.jpg")) == 6


def test_parts_of_flat_files_suggest_a_pattern(tmp_path: Path) -> None:
    write_files(
        tmp_path, *(f"{p}/{c}_{n}.png" for p in ("train", "test") for c in "ab" for n in "12")
    )
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path)
    assert "'test', 'train' hold no class folders" in str(caught.value)
    assert "{label}_{number}.png" in caught.value.remedy


@pytest.mark.parametrize("paths", [(), (".hidden",), ("a/", "b/")])
def test_nothing_in_it(tmp_path: Path, paths: tuple[str, ...]) -> None:
    write_files(tmp_path, *paths)
    with pytest.raises(DataError, match="the folder holds no files"):
        load_samples(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(caught.value)
    assert "class folders" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("photos.7z", "unpack it"),
        ("train-images-idx3-ubyte.gz", "give the folder that holds it"),
        ("photo.jpg", "a folder of class folders"),
    ],
)
def test_files_that_are_no_source(tmp_path: Path, name: str, remedy: str) -> None:
    write_files(tmp_path, name)
    with pytest.raises(DataError) as caught:
        load_samples(tmp_path / name)
    assert remedy in caught.value.remedy
    assert name in str(caught.value)


def test_links_are_followed_and_broken_ones_told(tmp_path: Path) -> None:
    data = write_files(tmp_path / "data", "a/1.jpg", "b/1.jpg")
    write_files(tmp_path / "elsewhere", "2.jpg", "more/3.jpg")
    (data / "a/linked.jpg").symlink_to(tmp_path / "elsewhere/2.jpg")
    (data / "b/more").symlink_to(tmp_path / "elsewhere/more")
    (data / "b/gone.jpg").symlink_to("nowhere.jpg")
    samples = load_samples(data)
    reasons = dict(zip(samples.paths, samples.reasons, strict=True))
    assert reasons == {
        "a/1.jpg": "",
        "a/linked.jpg": "",
        "b/1.jpg": "",
        "b/gone.jpg": "broken link to 'nowhere.jpg'",
        "b/more/3.jpg": "",
    }
    assert samples.label_name(samples.paths.index("b/gone.jpg")) == "b"


def test_link_cycles_end(tmp_path: Path) -> None:
    write_files(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to("self")
    (tmp_path / "a/other").symlink_to(tmp_path / "b")
    (tmp_path / "b/other").symlink_to(tmp_path / "a")
    samples = load_samples(tmp_path)
    reasons = dict(zip(samples.paths, samples.reasons, strict=True))
    assert reasons["a/up"].startswith("link to a folder above it")
    assert reasons["a/self"].startswith("broken link")
    assert {"a/1.jpg", "b/1.jpg"} <= {path for path, reason in reasons.items() if not reason}


def test_a_class_folder_that_is_a_link(tmp_path: Path) -> None:
    data = write_files(tmp_path / "data", "train/a/1.jpg", "train/b/1.jpg", "test/")
    write_files(tmp_path, "store/2.jpg")
    (data / "test/a").symlink_to(tmp_path / "store")
    samples = load_samples(data)
    assert samples.paths[0] == "test/a/2.jpg"
    assert samples.parts[0] == "test"


def test_pipes_are_told_and_never_opened(tmp_path: Path) -> None:
    write_files(tmp_path, "a/1.jpg", "b/1.jpg")
    os.mkfifo(tmp_path / "a/pipe.jpg")
    samples = load_samples(tmp_path)
    assert samples.reasons[samples.paths.index("a/pipe.jpg")] == "not a regular file"


def test_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, "a/1.jpg", "b/1.jpg", "b/locked/2.jpg")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    samples = load_samples(tmp_path)
    assert samples.reasons[-1] == "folder cannot be read: Permission denied"
    assert samples.paths[-1] == "b/locked"


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    write_files(tmp_path, "a/1.jpg", "b/1.jpg")
    try:
        (tmp_path / "a" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    samples = load_samples(tmp_path)
    row = samples.paths.index("a/caf\\xe9.jpg")
    assert isinstance(samples.images, ImageFiles)
    assert samples.images.files[row].read_bytes() == b"x"
    assert "not valid UTF-8" in samples.notes[0]
    "\n".join(samples.paths).encode("utf-8")


LITTER = ("thumbs.db", "desktop.ini", "__macosx", "@eadir")
NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=("Cs",)),
    min_size=1,
    max_size=12,
).filter(lambda name: not name.startswith(".") and len(name.encode()) < 200)


@given(
    tree=st.dictionaries(NAMES, st.sets(NAMES, min_size=1, max_size=3), min_size=1, max_size=4),
)
def test_any_tree_gives_every_file_a_row_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, set[str]]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for folder, names in tree.items():
        write_files(root, *(f"{folder}/{name}" for name in names))
    try:
        samples = load_samples(root)
    except NunbitError as error:
        complete = str(root) in str(error) and bool(error.remedy)
        assert complete
        return
    visible = {
        f"{folder}/{name}"
        for folder, names in tree.items()
        for name in names
        if name.lower() not in LITTER and folder.lower() not in LITTER
    }
    assert set(samples.paths) == visible
    assert list(samples.paths) == sorted(set(samples.paths))
    assert len(set(samples.classes)) == len(samples.classes) >= 2
    assert all(name == unicodedata.normalize("NFC", name).strip() for name in samples.classes)
    for path, label, reason in zip(samples.paths, samples.labels, samples.reasons, strict=True):
        assert (label == -1) == bool(reason)
        if label >= 0:
            folder = unicodedata.normalize("NFC", path.split("/")[0]).strip()
            assert samples.classes[label] == folder


def test_the_place_on_disk_changes_nothing(tmp_path: Path) -> None:
    paths = ("zebra/1.jpg", "ant/1.jpg", "ant/x/2.jpg")
    first = load_samples(write_files(tmp_path / "zz/one", *paths))
    second = load_samples(write_files(tmp_path / "aa/one", *reversed(paths)))
    assert (first.paths, first.classes, first.labels.tolist()) == (
        second.paths,
        second.classes,
        second.labels.tolist(),
    )
