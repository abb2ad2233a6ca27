"""Arrays in an `.npz` file: `x` and `y`, or `x_train`, `y_train`, `x_test`, `y_test`.

N images, H height, W width, C channels, K classes.
"""

from __future__ import annotations

import math
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.data.sources.array_files.array_images import to_images
from nunbit.data.sources.array_files.arrays import ArrayPart, found_in_arrays
from nunbit.data.sources.class_names import clean, in_order
from nunbit.data.sources.part_names import PART_NAMES
from nunbit.data.sources.raw_samples import RawSamples, SourceOptions
from nunbit.errors import DataError
from nunbit.formatting import examples, quoted

IMAGE_WORDS = ("x", "images", "image", "data")
LABEL_WORDS = ("y", "labels", "label", "target", "targets")
CLASS_NAMES = ("class_names", "classes", "label_names")
REMEDY = (
    "call the images 'x' and the labels 'y' (or x_train, y_train, x_test, y_test), and save them "
    "with numpy.savez"
)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Names of the arrays of one part."""

    images: str
    labels: str


def recognises(path: Path) -> bool:
    """Tell whether the file's ending is `.npz`."""
    return path.is_file() and path.suffix.lower() == ".npz"


def load(path: Path, options: SourceOptions) -> RawSamples:  # noqa: ARG001 - the common signature
    """Rows `00012`, or `train/00012` and `test/00003` where the file has parts.

    Whole-number labels make classes in the order of the number, named by the array
    `class_names` where there is one; other labels are class names themselves.

    Raises DataError for arrays that cannot be matched or cannot be images.
    """
    arrays = read_arrays(path)
    pairs, unused = _pairs(arrays, path)
    notes = [f"arrays that are not used: {examples(unused)}"] if unused else []
    raw = {
        part: _labels(arrays[pair.labels], pair.labels, path)
        for part, pair in sorted(pairs.items())
    }
    kinds = {labels.dtype.kind for labels in raw.values()}
    if len(kinds) > 1:
        raise DataError("labels are numbers in one part and names in another", path=path)
    names, numbered = _number(raw, _class_names(arrays, path), path)
    parts = {}
    for part, pair in sorted(pairs.items()):
        images, remarks = to_images(arrays[pair.images], name=pair.images, path=path)
        if len(images) != len(numbered[part]):
            raise DataError(
                f"{len(images):,} images in '{pair.images}' but {len(numbered[part]):,} labels "
                f"in '{pair.labels}'",
                path=path,
            )
        notes += remarks
        parts[part] = ArrayPart(images=images, labels=numbered[part])
    shapes = {content.images.shape[1:] for content in parts.values()}
    if len(shapes) > 1:
        raise DataError(f"the parts' images differ in shape: {sorted(shapes)}", path=path)
    return found_in_arrays(parts, names=names, in_order=kinds != {"U"}, notes=notes)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file by their names. Raises DataError where it is damaged."""
    if not zipfile.is_zipfile(path):
        raise DataError(
            "not an .npz file, or one that is cut off", path=path, remedy="save or get it again"
        )
    try:
        # Opened here, because numpy leaves the file open where it turns out to be damaged.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as content:
            for member in content.zip.infolist():
                _check_member(content.zip, member)
            return {name: content[name] for name in content.files}
    except _DAMAGED as error:
        if "allow_pickle" not in str(error):
            raise DataError(
                f"the file is damaged: {quoted(error)}", path=path, remedy="save or get it again"
            ) from error
        raise DataError(
            "it holds an array of Python objects, which could run code when read",
            path=path,
            remedy="save plain arrays: images of one shape, labels as numbers or text",
        ) from error


_DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""Errors that numpy and zipfile raise for bytes that are not theirs: headers are parsed as
Python."""
_MAX_RATIO = 1040
"""Deflate makes at most 1,032 bytes of one (zlib's technical details)."""


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Raise ValueError for an array whose header asks for more memory than it has content."""
    if member.file_size > _MAX_RATIO * member.compress_size + _MAX_RATIO:
        raise ValueError(f"'{quoted(member.filename)}' cannot have the size that it states")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        stated = math.prod(shape) * dtype.itemsize
        if not dtype.hasobject and file.tell() + stated != member.file_size:
            raise ValueError(f"'{quoted(member.filename)}' has another size than it states")


def _pairs(arrays: dict[str, NDArray[Any]], path: Path) -> tuple[dict[str, Pair], list[str]]:
    """Part ('' for the only one) to the names of its arrays, and the arrays left over."""
    images = _by_part(arrays, IMAGE_WORDS, path)
    labels = _by_part(arrays, LABEL_WORDS, path)
    if not images or images.keys() != labels.keys():
        raise DataError(
            f"images and labels cannot be matched; the arrays are {examples(arrays, max_shown=20)}",
            path=path,
            remedy=REMEDY,
        )
    pairs = {part: Pair(images=images[part], labels=labels[part]) for part in images}
    if "" in pairs and len(pairs) > 1:
        raise DataError(
            f"'{pairs[''].images}' belongs to no part, but others do: "
            f"{examples(arrays, max_shown=20)}",
            path=path,
            remedy=REMEDY,
        )
    used = {name for pair in pairs.values() for name in (pair.images, pair.labels)}
    return pairs, sorted(set(arrays) - used - set(CLASS_NAMES))


def _by_part(arrays: dict[str, NDArray[Any]], words: Sequence[str], path: Path) -> dict[str, str]:
    """Part to array name for names such as `x_train`, `train_images`, `xtrain`, `X`."""
    word = "|".join(words)
    part = "|".join(PART_NAMES)
    pattern = re.compile(rf"(?:{word})(?:_?(?P<after>{part}))?|(?P<before>{part})_?(?:{word})")
    found: dict[str, str] = {}
    for name in arrays:
        match = pattern.fullmatch(name.lower())
        if match is None:
            continue
        key = PART_NAMES.get(match["after"] or match["before"] or "", "")
        if key in found:
            raise DataError(
                f"'{found[key]}' and '{name}' could both be meant", path=path, remedy=REMEDY
            )
        found[key] = name
    return found


def _labels(array: NDArray[Any], name: str, path: Path) -> NDArray[Any]:
    """[N] int64, or text (dtype kind U)."""
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.ndim != 1:
        raise DataError(
            f"'{name}' has shape {array.shape}, where one label for each image belongs",
            path=path,
            remedy="turn one-hot labels into numbers first: labels.argmax(axis=1)",
        )
    if flat.dtype.kind == "S":
        return np.array([value.decode("utf-8", "backslashreplace") for value in flat], dtype=str)
    if flat.dtype.kind == "U":
        return flat
    whole = flat.dtype.kind in "iub" or (flat.dtype.kind == "f" and (flat == np.round(flat)).all())
    if not whole or not np.isfinite(flat).all():
        raise DataError(
            f"'{name}' holds {flat.dtype} values that are not whole numbers",
            path=path,
            remedy="labels are class numbers or class names",
        )
    return flat.astype(np.int64)


def _class_names(arrays: dict[str, NDArray[Any]], path: Path) -> list[str] | None:
    name = next((name for name in CLASS_NAMES if name in arrays), None)
    if name is None:
        return None
    array = arrays[name]
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise DataError(f"'{name}' is not a list of names", path=path)
    names = [
        clean(value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value)
        for value in array.tolist()
    ]
    if len(set(names)) != len(names) or not all(names):
        raise DataError(f"'{name}' has empty or repeated names", path=path)
    return names


def _number(
    raw: dict[str, NDArray[Any]], class_names: list[str] | None, path: Path
) -> tuple[list[str], dict[str, NDArray[np.int64]]]:
    """Raw class names, and for each part the labels [N] as indices into them."""
    values = np.unique(np.concatenate(list(raw.values())))
    if values.dtype.kind == "U":
        names = [str(value) for value in values]
        numbered = {part: np.searchsorted(values, labels) for part, labels in raw.items()}
        return names, {part: labels.astype(np.int64) for part, labels in numbered.items()}
    if class_names is None:
        names = in_order(str(value) for value in values.tolist())
        numbered = {part: np.searchsorted(values, labels) for part, labels in raw.items()}
        return names, {part: labels.astype(np.int64) for part, labels in numbered.items()}
    if values.size and not 0 <= values[0] <= values[-1] < len(class_names):
        raise DataError(
            f"labels run from {values[0]} to {values[-1]}, but there are {len(class_names)} class "
            "names",
            path=path,
        )
    return class_names, {part: labels.astype(np.int64) for part, labels in raw.items()}
