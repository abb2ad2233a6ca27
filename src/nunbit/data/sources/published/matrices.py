"""SVHN's `.mat`, STL-10's binary files, KMNIST's pairs of `.npz` and CIFAR-10.1's arrays.

N images, H height, W width.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.data.sources.array_files.arrays import ArrayPart, found_in_arrays
from nunbit.data.sources.class_names import clean
from nunbit.data.sources.published.annotated import files_of
from nunbit.data.sources.raw_samples import RawSamples, SourceOptions
from nunbit.errors import DataError
from nunbit.formatting import examples, quoted

SVHN = {"train": "train_32x32.mat", "test": "test_32x32.mat"}
_KMNIST = re.compile(r"(?:kmnist|k49)-(?P<part>train|test)-imgs\.npz")
STL_SIDE = 96
STL_CLASSES = (
    *("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"),
)
CIFAR_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
)


def read_mat(file: Path) -> dict[str, Any]:
    """The variables of a MATLAB file up to version 7.2. Raises DataError."""
    from scipy.io import loadmat

    try:
        found: dict[str, Any] = loadmat(file)
    except Exception as error:  # scipy raises what it meets: struct, zlib, type and value errors
        raise DataError(f"the MATLAB file cannot be read: {quoted(error)}", path=file) from error
    return found


# ------------------------------------------------------------------------------------------------
# SVHN: X [32, 32, 3, N], y [N, 1], where 10 is the digit 0
# ------------------------------------------------------------------------------------------------


def is_svhn(path: Path) -> bool:
    """Tell one of the two `.mat` files, or a folder that holds one."""
    if path.is_file():
        return path.name in SVHN.values()
    return any((path / name).is_file() for name in SVHN.values())


def load_svhn(path: Path, options: SourceOptions) -> RawSamples:  # noqa: ARG001
    """Rows of the parts that are there. Raises DataError for files of another form."""
    parts = {}
    for part, name in SVHN.items():
        file = path if path.is_file() else path / name
        if file.name != name or not file.is_file():
            continue
        content = read_mat(file)
        images, labels = content.get("X"), content.get("y")
        if (
            not isinstance(images, np.ndarray)
            or not isinstance(labels, np.ndarray)
            or images.dtype != np.uint8
            or images.ndim != 4
            or images.shape[2] != 3
            or labels.size != images.shape[3]
        ):
            raise DataError("it does not hold X [H, W, 3, N] and y [N] of SVHN", path=file)
        digits = labels.ravel().astype(np.int64)
        if len(digits) and not 1 <= digits.min() <= digits.max() <= 10:
            raise DataError("SVHN's labels are 1 to 10, where 10 is the digit 0", path=file)
        parts[part] = ArrayPart(
            images=np.ascontiguousarray(images.transpose(3, 0, 1, 2)), labels=digits % 10
        )
    names = [str(digit) for digit in range(10)]
    notes = ["read as SVHN: label 10 is the digit 0"]
    return found_in_arrays(parts, names=names, in_order=True, notes=notes)


# ------------------------------------------------------------------------------------------------
# STL-10: planes of columns, labels from 1
# ------------------------------------------------------------------------------------------------


def is_stl10(path: Path) -> bool:
    """Tell a folder with the binary files of STL-10."""
    return any((path / f"{part}_X.bin").is_file() for part in ("train", "test"))


def load_stl10(path: Path, options: SourceOptions) -> RawSamples:  # noqa: ARG001
    """Rows of the parts that are there. Raises DataError for files of another size."""
    parts = {}
    for part in ("train", "test"):
        if not (path / f"{part}_X.bin").is_file():
            continue
        pixels = _bytes(path / f"{part}_X.bin")
        labels = _bytes(path / f"{part}_y.bin").astype(np.int64) - 1
        if pixels.size != len(labels) * 3 * STL_SIDE**2:
            raise DataError(
                f"{pixels.size:,} bytes are not {len(labels):,} images of {STL_SIDE} × {STL_SIDE}",
                path=path / f"{part}_X.bin",
                remedy="the file is cut off or damaged: get it again",
            )
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(STL_CLASSES):
            raise DataError("STL-10's labels are 1 to 10", path=path / f"{part}_y.bin")
        # Each plane is stored column by column.
        columns = pixels.reshape(-1, 3, STL_SIDE, STL_SIDE)
        parts[part] = ArrayPart(
            images=np.ascontiguousarray(columns.transpose(0, 3, 2, 1)), labels=labels
        )
    notes = ["read as STL-10: images are stored by columns, labels begin at 1"]
    if (path / "unlabeled_X.bin").is_file():
        notes.append("unlabeled_X.bin is not read: its images have no class")
    return found_in_arrays(parts, names=STL_CLASSES, in_order=True, notes=notes)


def _bytes(file: Path) -> NDArray[np.uint8]:
    try:
        return np.fromfile(file, dtype=np.uint8)
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", path=file) from error


# ------------------------------------------------------------------------------------------------
# KMNIST: kmnist-train-imgs.npz beside kmnist-train-labels.npz; Kuzushiji-49 alike
# ------------------------------------------------------------------------------------------------


def is_kmnist(path: Path) -> bool:
    """Tell a folder with a pair of files of images and labels."""
    return path.is_dir() and bool(_kmnist_files(path))


def _kmnist_files(path: Path) -> dict[str, tuple[Path, Path]]:
    """Part to its files of images and of labels."""
    found = {}
    for images in files_of(path, "k*-imgs.npz"):
        labels = images.with_name(images.name.replace("-imgs", "-labels"))
        match = _KMNIST.fullmatch(images.name)
        if match and labels.is_file():
            found[match["part"]] = (images, labels)
    return found


def load_kmnist(path: Path, options: SourceOptions) -> RawSamples:  # noqa: ARG001
    """Rows of the parts that are there, named by `kmnist_classmap.csv` where that is beside them.

    Raises DataError for arrays of another form.
    """
    parts = {}
    for part, (images_file, labels_file) in _kmnist_files(path).items():
        images, labels = _only_array(images_file), _only_array(labels_file)
        if images.dtype != np.uint8 or images.ndim != 3 or labels.shape != (len(images),):
            raise DataError("images [N, H, W] of bytes and as many labels belong here", path=path)
        parts[part] = ArrayPart(images=images[..., np.newaxis], labels=labels.astype(np.int64))
    classes = max(int(content.labels.max(initial=0)) for content in parts.values()) + 1
    names, read = [str(number) for number in range(classes)], "classes are numbers"
    for file in files_of(path, "k*_classmap.csv")[:1]:
        listed = _class_map(file)
        if len(listed) >= classes:
            names, read = listed, f"classes are named by {file.name}"
    return found_in_arrays(parts, names=names, in_order=True, notes=[f"read as KMNIST: {read}"])


def _only_array(file: Path) -> NDArray[Any]:
    from nunbit.data.sources.array_files.npz import read_arrays

    arrays = read_arrays(file)
    if len(arrays) != 1:
        raise DataError(f"one array belongs here, not {examples(arrays)}", path=file)
    return next(iter(arrays.values()))


def _class_map(file: Path) -> list[str]:
    from nunbit.data.csv_io import read_table

    rows = read_table(file)
    named = {cells[0]: cells[-1] for _, cells in rows[1:] if len(cells) == 3}
    return [clean(named[str(n)]) for n in range(len(named)) if str(n) in named]


# ------------------------------------------------------------------------------------------------
# CIFAR-10.1: cifar10.1_v6_data.npy beside cifar10.1_v6_labels.npy
# ------------------------------------------------------------------------------------------------


def is_cifar101(path: Path) -> bool:
    """Tell a folder with the two arrays, or the array of images."""
    return _cifar101_file(path) is not None


def _cifar101_file(path: Path) -> Path | None:
    if path.is_file():
        found = [path] if path.name.startswith("cifar10.1_") else []
    else:
        found = files_of(path, "cifar10.1_v*_data.npy")[::-1]  # the newest version
    images = [file for file in found if file.name.endswith("_data.npy")]
    return images[0] if images else None


def load_cifar101(path: Path, options: SourceOptions) -> RawSamples:  # noqa: ARG001
    """Rows of the newest version that is there. Raises DataError for arrays of another form."""
    file = _cifar101_file(path)
    assert file is not None  # or it would not have been recognised
    labels_file = file.with_name(file.name.replace("_data", "_labels"))
    try:
        # Mapped, so that a header that states too much is an error before memory is asked for.
        images, labels = (np.load(f, mmap_mode="r") for f in (file, labels_file))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"the array cannot be read: {quoted(error)}", path=path) from error
    if (
        images.dtype != np.uint8
        or images.shape != (len(labels), 32, 32, 3)
        or labels.ndim != 1
        or labels.dtype.kind not in "iu"
        or (len(labels) and not 0 <= labels.min() <= labels.max() < len(CIFAR_CLASSES))
    ):
        raise DataError("images [N, 32, 32, 3] of bytes and labels 0 to 9 belong here", path=file)
    part = ArrayPart(images=np.array(images), labels=labels.astype(np.int64))
    return found_in_arrays(
        {"": part}, names=CIFAR_CLASSES, in_order=True, notes=[f"read as CIFAR-10.1: {file.name}"]
    )
