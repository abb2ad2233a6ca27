"""Tiny-ImageNet, Food-101, CUB, Stanford Dogs and Oxford Pets, each given by its root folder."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from nunbit.data.sources.published.annotated import (
    Meaning,
    annotated_rows,
    check_width,
    files_of,
    in_words,
    read_lines,
)
from nunbit.data.sources.raw_samples import RawSamples, SourceOptions
from nunbit.documents import DocumentError, read_json_object
from nunbit.errors import DataError
from nunbit.formatting import quoted

_DOG = re.compile(r"n\d{8}-(?P<name>.+)")
_PET = re.compile(r"(?P<name>.+)_\d+\.jpe?g", re.IGNORECASE)


# ------------------------------------------------------------------------------------------------
# Tiny-ImageNet: train/n01443537/images/n01443537_0.JPEG, val/images/val_0.JPEG
# ------------------------------------------------------------------------------------------------


def is_tiny_imagenet(path: Path) -> bool:
    """Tell a folder with the list of classes and the labels of the validation images."""
    return (path / "wnids.txt").is_file() and (path / "val/val_annotations.txt").is_file()


def load_tiny_imagenet(path: Path, options: SourceOptions) -> RawSamples:
    """Training images by their folders, validation images, which are the test part, by the list.

    Raises DataError for lists that cannot be read.
    """
    numbers = [words[0] for words in read_lines(path / "wnids.txt")]
    listed = read_lines(path / "val/val_annotations.txt")
    check_width(listed, 2, path / "val/val_annotations.txt")
    validation = {words[0]: words[1] for words in listed}
    names = in_words(numbers, _words(path / "words.txt"))

    def meaning(file: str) -> Meaning | None:
        pieces = PurePosixPath(file).parts
        if file.endswith(".txt"):
            return None
        if pieces[0] == "train" and len(pieces) > 2:
            return Meaning(names.get(pieces[1]), "train")
        if pieces[0] == "val":
            return Meaning(names.get(validation.get(pieces[-1], "")), "test")
        return Meaning(None, reason=f"no label: '{pieces[0]}' of Tiny-ImageNet has none")

    return annotated_rows(
        path,
        options,
        meaning,
        notes=[
            "read as Tiny-ImageNet: its validation images, whose labels are public, are the test "
            "part; classes have their words"
        ],
    )


def _words(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the list cannot be read: {quoted(error)}", path=file) from error
    return {number: words for number, _, words in (line.partition("\t") for line in lines)}


# ------------------------------------------------------------------------------------------------
# Food-101: images/apple_pie/1005649.jpg, meta/train.json
# ------------------------------------------------------------------------------------------------


def is_food101(path: Path) -> bool:
    """Tell a folder with images and the lists of both parts."""
    return (path / "images").is_dir() and all(
        (path / "meta" / f"{part}.json").is_file() for part in ("train", "test")
    )


def load_food101(path: Path, options: SourceOptions) -> RawSamples:
    """Classes by the folders, parts by the lists. Raises DataError for lists of another form."""
    parts: dict[str, str] = {}
    for part in ("train", "test"):
        file = path / "meta" / f"{part}.json"
        try:
            listed = read_json_object(file)
            parts |= {str(image): part for images in listed.values() for image in images}
        except (OSError, DocumentError, TypeError) as error:
            raise DataError(f"the list cannot be read: {quoted(error)}", path=file) from error

    def meaning(file: str) -> Meaning | None:
        pieces = PurePosixPath(file).parts
        if pieces[0] != "images" or len(pieces) < 3:
            return None
        key = str(PurePosixPath(*pieces[1:]).with_suffix(""))
        return _listed(pieces[1], parts.get(key))

    return annotated_rows(
        path, options, meaning, notes=["read as Food-101: parts from meta/train.json and test.json"]
    )


def _listed(name: str, part: str | None) -> Meaning:
    if part is None:
        return Meaning(name, reason="in none of the published lists")
    return Meaning(name, part)


# ------------------------------------------------------------------------------------------------
# CUB-200-2011: images/001.Black_footed_Albatross/….jpg, images.txt, train_test_split.txt
# ------------------------------------------------------------------------------------------------

CUB_FILES = ("images.txt", "train_test_split.txt", "image_class_labels.txt", "classes.txt")


def is_cub(path: Path) -> bool:
    """Tell a folder with images and the four lists of CUB."""
    return (path / "images").is_dir() and all((path / name).is_file() for name in CUB_FILES)


def load_cub(path: Path, options: SourceOptions) -> RawSamples:
    """Classes and parts by the lists. Raises DataError for lists that do not fit together."""
    lists = {name: read_lines(path / name) for name in CUB_FILES}
    for name, lines in lists.items():
        check_width(lines, 2, path / name)
    file_of, test_of, label_of, class_of = (
        {words[0]: words[1] for words in lists[name]} for name in CUB_FILES
    )
    try:
        meant = {
            f"images/{file}": Meaning(
                class_of[label_of[number]].partition(".")[2] or class_of[label_of[number]],
                "train" if test_of[number] == "1" else "test",
            )
            for number, file in file_of.items()
        }
    except KeyError as error:
        raise DataError(f"the lists of CUB do not fit together: {error}", path=path) from error

    def meaning(file: str) -> Meaning | None:
        if not file.startswith("images/"):
            return None
        return meant.get(file, Meaning(None, reason="in none of the published lists"))

    return annotated_rows(
        path, options, meaning, notes=["read as CUB: parts from train_test_split.txt"]
    )


# ------------------------------------------------------------------------------------------------
# Stanford Dogs: Images/n02085620-Chihuahua/….jpg, train_list.mat
# ------------------------------------------------------------------------------------------------


def is_dogs(path: Path) -> bool:
    """Tell a folder whose `Images` holds folders such as `n02085620-Chihuahua`."""
    if not (path / "Images").is_dir() or not (
        (path / "Annotation").is_dir() or (path / "train_list.mat").is_file()
    ):
        return False
    folders = [f.name for f in files_of(path / "Images", "*") if f.is_dir()]
    return bool(folders) and all(_DOG.fullmatch(name) for name in folders)


def load_dogs(path: Path, options: SourceOptions) -> RawSamples:
    """Classes by the folders; parts by `train_list.mat` and `test_list.mat`, where these are.

    Raises DataError for lists that cannot be read.
    """
    files = {part: path / f"{part}_list.mat" for part in ("train", "test")}
    there = all(file.is_file() for file in files.values())
    parts: dict[str, str] = {}
    if there:
        for part, file in files.items():
            parts |= dict.fromkeys(_file_list(file), part)

    def meaning(file: str) -> Meaning | None:
        pieces = PurePosixPath(file).parts
        match = _DOG.fullmatch(pieces[1]) if len(pieces) > 2 else None
        if pieces[0] != "Images" or match is None:
            return None
        name = match["name"]
        return _listed(name, parts.get("/".join(pieces[1:]))) if there else Meaning(name)

    said = "parts from train_list.mat and test_list.mat" if there else "no lists of parts beside it"
    return annotated_rows(path, options, meaning, notes=[f"read as Stanford Dogs: {said}"])


def _file_list(file: Path) -> list[str]:
    from nunbit.data.sources.published.matrices import read_mat

    try:
        cells = read_mat(file)["file_list"]
        return [str(cell[0]) for cell in cells[:, 0]]
    except (KeyError, IndexError, TypeError) as error:
        raise DataError("it holds no list of files", path=file) from error


# ------------------------------------------------------------------------------------------------
# Oxford Pets: images/Abyssinian_1.jpg, annotations/trainval.txt
# ------------------------------------------------------------------------------------------------


def is_pets(path: Path) -> bool:
    """Tell a folder with `images` and the two lists of Oxford Pets."""
    lists = [path / "annotations" / f"{name}.txt" for name in ("trainval", "test")]
    return (path / "images").is_dir() and all(file.is_file() for file in lists)


def load_pets(path: Path, options: SourceOptions) -> RawSamples:
    """Breeds by the names of the images, parts by the lists; masks are not read.

    Raises DataError for lists that cannot be read.
    """
    parts: dict[str, str] = {}
    for name, part in (("trainval", "train"), ("test", "test")):
        lines = read_lines(path / "annotations" / f"{name}.txt")
        parts |= {words[0]: part for words in lines if not words[0].startswith("#")}

    def meaning(file: str) -> Meaning | None:
        pieces = PurePosixPath(file)
        match = _PET.fullmatch(pieces.name)
        if pieces.parts[0] != "images" or match is None:
            return None
        return _listed(match["name"].replace("_", " "), parts.get(pieces.stem))

    return annotated_rows(
        path, options, meaning, notes=["read as Oxford Pets: parts from annotations/*.txt"]
    )
