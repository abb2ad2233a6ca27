"""Labelled images that a program has in memory, kept as a file that later commands can read again.

A table becomes JSON lines, which hold every text as it is; arrays become `.npz`. The file is named
for its content, so that the same data are kept once. N images.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from nunbit.data.sources.tables.cells import as_text
from nunbit.data.sources.tables.columns import COLUMNS
from nunbit.errors import UsageError
from nunbit.files import new_file_written_atomically, write_atomically

TAKEN = (
    "a path, a known name such as 'digits', a DataFrame with a column of paths and one of labels, "
    "a pair (images, labels) of arrays, or a list of (path, label)"
)
"""Kinds of data in Python, for messages."""
_NAME_DIGITS = 12


class Frame(Protocol):
    """A table such as pandas has."""

    @property
    def columns(self) -> Any:
        """Names of the columns."""
        ...

    def __getitem__(self, name: Any, /) -> Any:
        """Cells of a column."""
        ...


LabelledImages: TypeAlias = "str | Path | Frame | Sequence[Any]"
"""Data that `nunbit.load_data` and `nunbit.train` take."""


@dataclass(frozen=True, kw_only=True)
class KeptData:
    """The file of data that were given in Python."""

    path: Path
    image_root: Path | None
    """Folder to which the paths in a table are relative; None for arrays."""


def is_place(data: object) -> TypeGuard[str | Path]:
    """Tell whether data are named rather than given."""
    return isinstance(data, str | os.PathLike)


def keep_given(
    data: object, *, folder: Path, image_root: Path | None, path_column: str | None
) -> KeptData:
    """Write data that were given in Python to a file in `folder`.

    Paths in a table are relative to `image_root`, by default the current folder.

    Raises:
        UsageError: for anything that is not labelled images; it says what is taken.
    """
    if _is_frame(data):
        columns = _columns_of(data)
        return _keep_table(
            "dataframe", columns, folder=folder, root=image_root, path_column=path_column
        )
    if isinstance(data, list | tuple) and len(data) == 2 and _holds_pixels(data[0]):
        return _keep_arrays(data[0], data[1], folder=folder)
    if isinstance(data, list | tuple):
        columns = _columns_of_pairs(data)
        return _keep_table("list", columns, folder=folder, root=image_root, path_column=None)
    raise UsageError(
        f"data of the type '{type(data).__name__}' cannot be read as labelled images",
        remedy=f"give {TAKEN}",
    )


def _is_frame(data: object) -> TypeGuard[Frame]:
    # pandas is not imported for it: who gives such a table has done that.
    return hasattr(data, "columns") and hasattr(data, "__getitem__") and hasattr(data, "shape")


def _columns_of(frame: Frame) -> dict[str, list[str]]:
    names = list(frame.columns)
    doubled = sorted({str(name) for name in names if names.count(name) > 1})
    if doubled:
        raise UsageError(f"two columns of the DataFrame have one name: '{doubled[0]}'")
    return {str(name): _cells(frame[name]) for name in names}


def _cells(series: Any) -> list[str]:
    missing = list(series.isna()) if hasattr(series, "isna") else [False] * len(series)
    return ["" if absent else _text(x) for x, absent in zip(series, missing, strict=True)]


def _text(value: object) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    return os.fspath(value) if isinstance(value, os.PathLike) else as_text(value)


def _columns_of_pairs(pairs: Iterable[Any]) -> dict[str, list[str]]:
    paths, labels = [], []
    for number, pair in enumerate(pairs):
        if not (isinstance(pair, list | tuple) and len(pair) == 2 and is_place(pair[0])):
            raise UsageError(
                f"element {number} of the list is not a pair (path, label), but {pair!r:.80}",
                remedy=f"give {TAKEN}",
            )
        paths.append(_text(pair[0]))
        labels.append(_text(pair[1]))
    if not paths:
        raise UsageError("the list holds no images", remedy=f"give {TAKEN}")
    return {"path": paths, "label": labels}


def _keep_table(
    kind: str,
    columns: dict[str, list[str]],
    *,
    folder: Path,
    root: Path | None,
    path_column: str | None,
) -> KeptData:
    rows = zip(*columns.values(), strict=True)
    lines = [json.dumps(dict(zip(columns, cells, strict=True))) for cells in rows]
    content = "".join(f"{line}\n" for line in lines).encode("ascii")
    path = folder / f"{kind}-{hashlib.sha256(content).hexdigest()[:_NAME_DIGITS]}.jsonl"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    return KeptData(path=path, image_root=root or _root_of(columns, path_column))


def _root_of(columns: dict[str, list[str]], path_column: str | None) -> Path:
    """The folder that holds all images where their paths are absolute, else the current one."""
    words = COLUMNS["path"] if path_column is None else (path_column.lower(),)
    named = [name for word in words for name in columns if name.lower() == word]
    paths = [Path(cell).parent for cell in columns[named[0]] if cell] if named else []
    if paths and all(path.is_absolute() for path in paths):
        return Path(os.path.commonpath(paths))
    return Path.cwd()


def _holds_pixels(images: object) -> bool:
    """Tell whether something is an array, or a list of arrays or PIL images."""
    if isinstance(images, list | tuple):
        return bool(images) and _is_array(images[0])
    return _is_array(images)


def _is_array(value: object) -> bool:
    return hasattr(value, "__array__") or hasattr(value, "__array_interface__")


def _keep_arrays(images: Any, labels: Any, *, folder: Path) -> KeptData:
    pixels, classes = _array(images), _labels(labels)
    digest = hashlib.sha256()
    for array in (pixels, classes):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    path = folder / f"arrays-{digest.hexdigest()[:_NAME_DIGITS]}.npz"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        # Another process may keep the same data at this moment.
        with suppress(FileExistsError), new_file_written_atomically(path, "wb") as opened:
            np.savez(opened, images=pixels, labels=classes)
    return KeptData(path=path, image_root=None)


def _array(images: Any) -> NDArray[Any]:
    try:
        if isinstance(images, list | tuple):
            return np.stack([_array(image) for image in images])
        # A tensor may lie on another device, and carry gradients.
        return np.asarray(images.detach().cpu() if hasattr(images, "detach") else images)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the images are not one array: {error}",
            remedy="give an array N x height x width x channels, or the images as files",
        ) from error


def _labels(labels: Any) -> NDArray[Any]:
    found = _array(labels if hasattr(labels, "__array__") else np.asarray(labels))
    if found.dtype == object:
        if not all(isinstance(label, str) for label in found.ravel()):
            raise UsageError(
                "the labels are neither all whole numbers nor all texts",
                remedy="give an array or a list of N numbers or names, one for each image",
            )
        return found.astype(str)
    return found
