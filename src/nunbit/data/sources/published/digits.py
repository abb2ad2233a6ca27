"""EMNIST and QMNIST: IDX files with names, labels and directions of their own."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nunbit.data.sources.array_files.arrays import ArrayPart, found_in_arrays
from nunbit.data.sources.array_files.idx import read_bytes, read_idx
from nunbit.data.sources.published.annotated import files_of
from nunbit.data.sources.raw_samples import RawSamples, SourceOptions
from nunbit.errors import DataError
from nunbit.formatting import examples

_EMNIST = re.compile(r"emnist-(?P<kind>[a-z]+)-(?P<part>train|test)-images[.-]idx3-ubyte(?:\.gz)?")
_QMNIST = {"train": "qmnist-train", "test": "qmnist-test"}
_INT32 = 12
"""IDX's type of whole numbers of four bytes, the highest first."""


# ------------------------------------------------------------------------------------------------
# EMNIST: transposed; labels of letters begin at 1
# ------------------------------------------------------------------------------------------------


def is_emnist(path: Path) -> bool:
    """Tell a folder with images of EMNIST."""
    return path.is_dir() and bool(_kinds(path))


def _kinds(path: Path) -> dict[str, dict[str, Path]]:
    kinds: dict[str, dict[str, Path]] = {}
    for file in files_of(path, "emnist-*"):
        match = _EMNIST.fullmatch(file.name)
        if match and file.is_file():
            kinds.setdefault(match["kind"], {}).setdefault(match["part"], file)
    return kinds


def load_emnist(path: Path, options: SourceOptions) -> RawSamples:  # noqa: ARG001
    """Rows of the one set that the folder holds, upright, with the characters as class names.

    Raises DataError where the folder holds several sets, and for files that do not fit.
    """
    kinds = _kinds(path)
    if len(kinds) > 1:
        raise DataError(
            f"the folder holds several sets of EMNIST: {examples(sorted(kinds))}",
            path=path,
            remedy="put the files of the wanted one into a folder of their own",
        )
    ((kind, files),) = kinds.items()
    parts = {}
    for part, file in files.items():
        labels_file = file.with_name(file.name.replace("images", "labels").replace("idx3", "idx1"))
        if not labels_file.is_file():
            raise DataError(f"'{labels_file.name}' is missing beside '{file.name}'", path=path)
        images, labels = read_idx(file, dimensions=3), read_idx(labels_file, dimensions=1)
        if len(images) != len(labels):
            raise DataError(f"{len(images):,} images but {len(labels):,} labels", path=file)
        parts[part] = ArrayPart(
            images=np.ascontiguousarray(images.transpose(0, 2, 1))[..., np.newaxis],
            labels=labels.astype(np.int64),
        )
    names = _characters(path, kind, max(int(p.labels.max(initial=0)) for p in parts.values()))
    notes = [f"read as EMNIST ({kind}): images are stored on their side and are turned upright"]
    return found_in_arrays(parts, names=names, in_order=True, notes=notes)


def _characters(path: Path, kind: str, largest: int) -> list[str]:
    """Name of each label: by the mapping, letters from 1 on, else digits, capitals, others."""
    mapping = path / f"emnist-{kind}-mapping.txt"
    named = {}
    if mapping.is_file():
        for words in (line.split() for line in mapping.read_text("ascii", "replace").splitlines()):
            if len(words) > 1 and all(word.isdecimal() for word in words):
                named[int(words[0])] = "/".join(chr(int(code)) for code in words[1:])
    elif kind == "letters":
        named = {number: chr(ord("A") + number - 1) for number in range(1, 27)}
    elif kind in ("balanced", "bymerge", "byclass"):
        known = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        known += "abdefghnqrt" if kind != "byclass" else "abcdefghijklmnopqrstuvwxyz"
        named = dict(enumerate(known))
    names = [named.get(number, str(number)) for number in range(largest + 1)]
    # A lower-case letter beside its capital is another class, which only nunbit's rule forbids.
    return [
        f"{name} (lower case)" if name.islower() and name.upper() in names else name
        for name in names
    ]


# ------------------------------------------------------------------------------------------------
# QMNIST: eight columns of labels, of which the first is the digit
# ------------------------------------------------------------------------------------------------


def is_qmnist(path: Path) -> bool:
    """Tell a folder with images of QMNIST."""
    return path.is_dir() and any(
        _find(path, f"{stem}-images-idx3-ubyte") for stem in _QMNIST.values()
    )


def load_qmnist(path: Path, options: SourceOptions) -> RawSamples:  # noqa: ARG001
    """Rows of the parts that are there. Raises DataError for other files."""
    parts = {}
    for part, stem in sorted(_QMNIST.items()):
        images_file = _find(path, f"{stem}-images-idx3-ubyte")
        if images_file is None:
            continue
        labels_file = _find(path, f"{stem}-labels-idx2-int")
        if labels_file is None:
            raise DataError(f"'{stem}-labels-idx2-int' is missing", path=path)
        images, table = read_idx(images_file, dimensions=3), _table(labels_file)
        if len(images) != len(table):
            raise DataError(f"{len(images):,} images but {len(table):,} labels", path=images_file)
        parts[part] = ArrayPart(images=images[..., np.newaxis], labels=table[:, 0])
    notes = ["read as QMNIST: the digit is the first of its eight columns of labels"]
    names = [str(digit) for digit in range(10)]
    if any(p.labels.min(initial=0) < 0 or p.labels.max(initial=0) > 9 for p in parts.values()):
        raise DataError("the first column of QMNIST's labels is not a digit", path=path)
    return found_in_arrays(parts, names=names, in_order=True, notes=notes)


def _find(path: Path, stem: str) -> Path | None:
    return next((f for e in ("", ".gz") if (f := path / f"{stem}{e}").is_file()), None)


def _table(file: Path) -> NDArray[np.int64]:
    """int64 [N, 8] of an IDX file of whole numbers in two dimensions."""
    data = read_bytes(file)
    if len(data) < 12 or data[:4] != bytes((0, 0, _INT32, 2)):
        raise DataError("not an IDX file of two dimensions of whole numbers", path=file)
    rows, columns = (int.from_bytes(data[at : at + 4], "big") for at in (4, 8))
    if columns != 8 or len(data) != 12 + 4 * rows * columns:
        raise DataError(
            f"its header says {rows:,} × {columns} numbers, but {len(data) - 12:,} bytes follow",
            path=file,
        )
    return np.frombuffer(data, dtype=">i4", offset=12).reshape(rows, 8).astype(np.int64)
