"""Folders of IDX files, the layout of MNIST, gzipped or not.

The format (https://yann.lecun.com/exdb/mnist/): two zero bytes, a type byte (8 is uint8), the
number of dimensions, each dimension as a big-endian uint32, then the values.
N images, H height, W width.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nunbit.data.sources.array_files.arrays import ArrayPart, found_in_arrays, numbered_names
from nunbit.data.sources.raw_samples import RawSamples, SourceOptions
from nunbit.data.sources.walking import is_hidden
from nunbit.errors import DataError

STEMS = {"train": "train", "t10k": "test"}
"""Beginnings of file names, and the part they are."""
UINT8 = 8


def recognises(path: Path) -> bool:
    """Tell whether a folder holds a file of MNIST's names."""
    return path.is_dir() and any(
        _find(path, stem, kind, dimensions)
        for stem in STEMS
        for kind, dimensions in (("images", 3), ("labels", 1))
    )


def load(path: Path, options: SourceOptions) -> RawSamples:  # noqa: ARG001 - the common signature
    """Rows `train/00012` and `test/00003`; class names are the labels' numbers.

    Raises DataError for a missing partner, and for a file whose header, length or number of
    items is wrong.
    """
    parts = {}
    for stem, part in STEMS.items():
        images = _find(path, stem, "images", 3)
        labels = _find(path, stem, "labels", 1)
        if images is None and labels is None:
            continue
        if images is None or labels is None:
            missing = f"{stem}-images-idx3-ubyte" if images is None else f"{stem}-labels-idx1-ubyte"
            raise DataError(
                f"'{missing}' (or '{missing}.gz') is missing beside '{(images or labels)}'",
                path=path,
                remedy="put the missing file there",
            )
        parts[part] = _load_part(images, labels)
    sizes = {content.images.shape[1:3] for content in parts.values()}
    if len(sizes) > 1:
        raise DataError(
            f"training and test images differ in size: {sorted(sizes)}",
            path=path,
            remedy="both pairs of files must come from one data set",
        )
    notes = (
        [f"files that are not read: {', '.join(strangers)}"]
        if (strangers := _strangers(path))
        else []
    )
    if len(parts) == 1:
        notes.append(
            f"only the '{next(iter(parts))}' files are there: the split is drawn from them"
        )
    names = numbered_names([content.labels for content in parts.values()])
    return found_in_arrays(parts, names=names, in_order=True, notes=notes)


def _spellings(stem: str, kind: str, dimensions: int) -> list[str]:
    bases = [f"{stem}-{kind}-idx{dimensions}-ubyte", f"{stem}-{kind}.idx{dimensions}-ubyte"]
    return [base + ending for base in bases for ending in ("", ".gz")]


def _find(path: Path, stem: str, kind: str, dimensions: int) -> Path | None:
    """The plain file before the gzipped one, which takes longer to read."""
    for name in _spellings(stem, kind, dimensions):
        if (path / name).is_file():
            return path / name
    return None


def _strangers(path: Path) -> list[str]:
    ours = {
        name
        for stem in STEMS
        for kind, dimensions in (("images", 3), ("labels", 1))
        for name in _spellings(stem, kind, dimensions)
    }
    return sorted(
        f"'{entry.name}'"
        for entry in path.iterdir()
        if entry.name not in ours and not is_hidden(entry.name)
    )


def _load_part(images_file: Path, labels_file: Path) -> ArrayPart:
    images = read_idx(images_file, dimensions=3)
    labels = read_idx(labels_file, dimensions=1)
    if len(images) != len(labels):
        raise DataError(
            f"{len(images):,} images but {len(labels):,} labels in '{labels_file.name}'",
            path=images_file,
            remedy="the two files do not belong together: get them from one place",
        )
    return ArrayPart(images=images[..., np.newaxis], labels=labels.astype(np.int64))


def read_idx(path: Path, *, dimensions: int) -> NDArray[np.uint8]:
    """The array of an IDX file of uint8 values, [N] or [N, H, W], read-only.

    Raises DataError naming what is wrong: gzip, magic number, type, dimensions or length.
    """
    data = read_bytes(path)
    if len(data) < 4 or data[:2] != b"\0\0":
        raise DataError(
            f"not an IDX file: it begins with {data[:4].hex(' ') or 'nothing'}, not with 00 00",
            path=path,
            remedy="the file is damaged or of another kind: get it again",
        )
    if data[2] != UINT8:
        raise DataError(
            f"its values are of IDX type {data[2]}, not 8 (unsigned byte)",
            path=path,
            remedy="the file is damaged, or of another data set: get it again",
        )
    if data[3] != dimensions:
        raise DataError(f"it has {data[3]} dimensions where {dimensions} belong", path=path)
    header = 4 + 4 * dimensions
    if len(data) < header:
        raise DataError(f"the file ends within its header, after {len(data)} bytes", path=path)
    shape = struct.unpack_from(f">{dimensions}I", data, 4)
    if 0 in shape:
        raise DataError(f"its header says {' x '.join(map(str, shape))}: nothing in it", path=path)
    expected = math.prod(shape)
    if len(data) - header != expected:
        raise DataError(
            f"its header says {' x '.join(map(str, shape))} = {expected:,} bytes, but "
            f"{len(data) - header:,} follow",
            path=path,
            remedy="the file is cut off or damaged: get it again",
        )
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)


def read_bytes(path: Path) -> bytes:
    """The content of a file, gzipped or not. Raises DataError."""
    try:
        data = path.read_bytes()
        # By content, because files are often unpacked without losing '.gz' from their name.
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"the gzip file is damaged: {error}", path=path, remedy="get it again"
        ) from error
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", path=path) from error
