"""Folders of CIFAR-10 and CIFAR-100 files, in the python and the binary layout.

Both are described at https://www.cs.toronto.edu/~kriz/cifar.html: an image is 3072 bytes, its
red, green and blue planes of 32 x 32. CIFAR-100 is read with its fine labels.
N images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.data.sources.array_files.arrays import ArrayPart, found_in_arrays
from nunbit.data.sources.array_files.pickled import read_plain_pickle
from nunbit.data.sources.class_names import clean
from nunbit.data.sources.raw_samples import RawSamples, SourceOptions
from nunbit.errors import DataError
from nunbit.formatting import examples

SIDE = 32
IMAGE_BYTES = 3 * SIDE * SIDE


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One of the four ways in which CIFAR's files come."""

    train: tuple[str, ...]
    test: str
    names_file: str
    classes: int
    read: Callable[[Path, Layout], ArrayPart]
    read_names: Callable[[Path], tuple[str, ...]]
    label_key: str = ""
    """Entry of a python batch that holds the labels."""
    label_bytes: int = 0
    """Bytes before each image of a binary batch; the last of them is the label."""


def recognises(path: Path) -> bool:
    """Tell whether a folder, or the one that unpacking made in it, holds CIFAR's batches."""
    return _place(path) is not None


def load(path: Path, options: SourceOptions) -> RawSamples:  # noqa: ARG001 - the common signature
    """Rows `train/00012` and `test/00003`, classes in the published order.

    Raises DataError for a missing file of names, and for a batch that is damaged or cut off.
    """
    place = _place(path)
    if place is None:
        raise DataError("no CIFAR files", path=path)
    folder, layout = place
    names_file = folder / layout.names_file
    if not names_file.is_file():
        raise DataError(
            f"'{layout.names_file}' is missing, which holds the class names",
            path=folder,
            remedy="put it beside the batches; it comes with them",
        )
    names = layout.read_names(names_file)
    if len(names) != layout.classes or len(set(names)) != len(names):
        raise DataError(
            f"{layout.classes} different class names belong here, {len(set(names))} were found",
            path=names_file,
            remedy="the file is damaged: get it again with the data set",
        )
    present = [name for name in layout.train if (folder / name).is_file()]
    wanted = {"train": present, "test": [layout.test] if (folder / layout.test).is_file() else []}
    parts = {
        part: _join([layout.read(folder / name, layout) for name in files])
        for part, files in wanted.items()
        if files
    }
    missing = [name for name in (*layout.train, layout.test) if not (folder / name).is_file()]
    notes = [f"batches that are not there: {examples(missing, max_shown=6)}"] if missing else []
    return found_in_arrays(parts, names=names, in_order=True, notes=notes)


def _place(path: Path) -> tuple[Path, Layout] | None:
    if not path.is_dir():
        return None
    for inner, layout in LAYOUTS.items():
        for folder in (path, path / inner):
            # CIFAR-100's files are called 'train' and 'test' only: their names say too little.
            batches = (*layout.train, layout.test)
            present = any((folder / name).is_file() for name in batches)
            if present and (layout.classes == 10 or (folder / layout.names_file).is_file()):
                return folder, layout
    return None


def _join(batches: list[ArrayPart]) -> ArrayPart:
    return ArrayPart(
        images=np.concatenate([batch.images for batch in batches]),
        labels=np.concatenate([batch.labels for batch in batches]),
    )


def _pictures(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[N, 3072] planes to [N, 32, 32, 3]."""
    return np.ascontiguousarray(planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))


def _checked(planes: NDArray[np.uint8], labels: Any, path: Path, layout: Layout) -> ArrayPart:
    numbers = np.asarray(labels)
    if numbers.dtype.kind not in "iu" or numbers.shape != (len(planes),):
        raise DataError(f"{len(planes):,} images, but not as many whole-number labels", path=path)
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < layout.classes:
        raise DataError(
            f"labels run from {numbers.min()} to {numbers.max()}, not from 0 to "
            f"{layout.classes - 1}",
            path=path,
            remedy="the file is damaged or of another data set",
        )
    return ArrayPart(images=_pictures(planes), labels=numbers.astype(np.int64))


def _read_python(path: Path, layout: Layout) -> ArrayPart:
    batch = read_plain_pickle(path)
    data = _entry(batch, "data", path)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8:
        raise DataError("its 'data' are not an array of bytes", path=path)
    if data.ndim != 2 or data.shape[1] != IMAGE_BYTES:
        raise DataError(f"its 'data' have shape {data.shape}, not N x {IMAGE_BYTES}", path=path)
    return _checked(data, _entry(batch, layout.label_key, path), path, layout)


def _entry(batch: Mapping[str, Any], key: str, path: Path) -> Any:
    if key not in batch:
        raise DataError(f"it has no entry '{key}', only {examples(sorted(batch))}", path=path)
    return batch[key]


def _read_binary(path: Path, layout: Layout) -> ArrayPart:
    record = layout.label_bytes + IMAGE_BYTES
    content = np.fromfile(path, dtype=np.uint8)
    if not content.size or content.size % record:
        raise DataError(
            f"{content.size:,} bytes are not a whole number of records of {record:,}",
            path=path,
            remedy="the file is cut off or damaged: get it again",
        )
    records = content.reshape(-1, record)
    labels = records[:, layout.label_bytes - 1]
    return _checked(records[:, layout.label_bytes :], labels, path, layout)


def _names_from_lines(path: Path) -> tuple[str, ...]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return tuple(clean(line) for line in lines if line.strip())


def _names_from_pickle(key: str) -> Callable[[Path], tuple[str, ...]]:
    def read(path: Path) -> tuple[str, ...]:
        names = _entry(read_plain_pickle(path), key, path)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(f"its '{key}' are not a list of names", path=path)
        return tuple(clean(name) for name in names)

    return read


LAYOUTS: dict[str, Layout] = {
    "cifar-10-batches-py": Layout(
        train=tuple(f"data_batch_{number}" for number in range(1, 6)),
        test="test_batch",
        names_file="batches.meta",
        classes=10,
        read=_read_python,
        read_names=_names_from_pickle("label_names"),
        label_key="labels",
    ),
    "cifar-10-batches-bin": Layout(
        train=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        test="test_batch.bin",
        names_file="batches.meta.txt",
        classes=10,
        read=_read_binary,
        read_names=_names_from_lines,
        label_bytes=1,
    ),
    "cifar-100-python": Layout(
        train=("train",),
        test="test",
        names_file="meta",
        classes=100,
        read=_read_python,
        read_names=_names_from_pickle("fine_label_names"),
        label_key="fine_labels",
    ),
    "cifar-100-binary": Layout(
        train=("train.bin",),
        test="test.bin",
        names_file="fine_label_names.txt",
        classes=100,
        read=_read_binary,
        read_names=_names_from_lines,
        label_bytes=2,
    ),
}
"""Layouts by the folder that unpacking makes."""
