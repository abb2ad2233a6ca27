"""Samples written out as class folders: files copied, arrays as PNG; nothing is moved."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from nunbit.data.sources.walking import is_hidden
from nunbit.errors import DataError, UnusableImage, UsageError
from nunbit.files import is_full
from nunbit.progress import Progress
from nunbit.types import Samples

_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_LONGEST_NAME_BYTES = 200


@dataclass(frozen=True)
class _Copy:
    """One image on its way: row of the samples, and where it goes below the new folder."""

    row: int
    target: str


def write_class_folders(
    samples: Samples,
    indices_by_part: Mapping[str, NDArray[np.int64]],
    out: Path,
    progress: Progress,
) -> None:
    """Write `out/<part>/<class>/<image>`, or `out/<class>/<image>` for the part ''.

    Files keep their name, bytes and times; where two of a class have one name, the folders
    above them are put before it. Images of arrays become PNG files named after their row. Class
    names that cannot be folder names are changed, with a note. `out` appears whole or not at all.

    Raises UsageError where `out` is not empty, is a file or lies inside the data, DataError for
    an image that cannot be copied, ValueError for a row without a label.
    """
    check_copies_folder(samples, out)
    folders = folder_names(samples.classes)
    for name in samples.classes:
        if folders[name] != name:
            progress.note(
                f"class '{name}' has the folder '{folders[name]}': no folder has its name"
            )
    copies = [
        copy
        for part, rows in indices_by_part.items()
        for copy in _plan_part(samples, part, rows, folders)
    ]
    with _appearing_whole(out) as temporary:
        for copy in progress.track(copies, total=len(copies), title="Writing images"):
            _write(samples, copy.row, temporary / copy.target)


@contextmanager
def _appearing_whole(out: Path) -> Iterator[Path]:
    """A folder to write into, whose content becomes that of `out` where nothing goes wrong."""
    existed = out.exists()
    # Beside or inside `out`, so that the renaming stays within one file system.
    temporary = (out if existed else out.parent) / f".writing-{uuid.uuid4().hex}"
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if existed:
            for entry in list(temporary.iterdir()):
                entry.rename(out / entry.name)
        else:
            temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_copies_folder(samples: Samples, out: Path) -> None:
    """Raise UsageError where copies cannot go: `out` is a file, in use, or lies inside the data."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            "the folder to write into is not empty" if out.is_dir() else "this is a file",
            path=out,
            remedy="name a folder that does not exist yet; nothing is overwritten",
        )
    source = Path(samples.location).expanduser()
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise UsageError(
            "the folder to write into lies inside the data, which would then hold the copies too",
            path=out,
            remedy="name a folder elsewhere",
        )


def folder_names(names: Sequence[str]) -> dict[str, str]:
    """Class name to a folder name that every file system takes; different for different names."""
    return dict(zip(names, _distinct(safe_name(name) for name in names), strict=True))


def safe_name(name: str) -> str:
    """The name with what file systems reject replaced by '_': 'T-shirt/top' to 'T-shirt_top'."""
    safe = _UNSAFE.sub("_", name)
    while len(os.fsencode(safe)) > _LONGEST_NAME_BYTES:
        safe = safe[:-1]
    if safe != safe.rstrip(". "):
        safe = safe.rstrip(". ") + "_"
    if is_hidden(safe) or _RESERVED.fullmatch(safe) or not safe:
        safe = "_" + safe
    return safe


def _distinct(names: Iterable[str]) -> list[str]:
    """The names with '-2', '-3'… put before the ending where a file system may confuse two."""
    taken: set[str] = set()
    distinct = []
    for name in names:
        candidate, number = name, 1
        while _confusable(candidate) in taken:
            number += 1
            path = PurePosixPath(name)
            candidate = f"{path.stem}-{number}{path.suffix}"
        taken.add(_confusable(candidate))
        distinct.append(candidate)
    return distinct


def _confusable(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _plan_part(
    samples: Samples, part: str, rows: NDArray[np.int64], folders: Mapping[str, str]
) -> list[_Copy]:
    by_class = defaultdict(list)
    for row in rows.tolist():
        name = samples.label_name(row)
        if not name:
            raise ValueError(f"row {row} ('{samples.paths[row]}') has no label")
        by_class[name].append(row)
    copies = []
    for name, members in by_class.items():
        folder = f"{part}/{folders[name]}" if part else folders[name]
        for row, file_name in zip(members, _file_names(samples, members), strict=True):
            copies.append(_Copy(row=row, target=f"{folder}/{file_name}"))
    return copies


def _file_names(samples: Samples, rows: Sequence[int]) -> list[str]:
    """File names of the rows of one class: short where they are alone, else with their folders."""
    if samples.images.decoded:
        return [samples.paths[row].replace("/", "-") + ".png" for row in rows]
    short = [samples.images.name(row) for row in rows]
    owners = Counter(_confusable(name) for name in short)
    return _distinct(
        name if owners[_confusable(name)] == 1 else samples.paths[row].replace("/", "_")
        for row, name in zip(rows, short, strict=True)
    )


def _write(samples: Samples, row: int, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        samples.images.write(row, target)
    except (OSError, UnusableImage) as error:
        if isinstance(error, OSError) and is_full(error):
            error.filename = str(target.parent)
            raise
        why = error.what if isinstance(error, UnusableImage) else error.strerror
        place = samples.images.file(row) or samples.paths[row]
        raise DataError(f"the image cannot be copied: {why}", path=place) from error
