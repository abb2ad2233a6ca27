"""Atomic writing: files and folders are either complete or absent.

Everything is written under a temporary name beside its place, flushed to the disk, and renamed, so
that a process killed at any moment leaves no half-written result (Pillai et al., "All File Systems
Are Not Created Equal", OSDI 2014, for why both the file and its folder are flushed).
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any

from nunbit.errors import StorageError, UsageError

_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


def write_atomically(path: Path, content: bytes | str | Iterable[bytes]) -> None:
    """Write a file, replacing one of that name in one step; a large one may come in pieces."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = _beside(path)
    try:
        with _full_place_named(path.parent), temporary.open("xb") as file:
            file.writelines((data,) if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


@contextmanager
def new_file_written_atomically(path: Path, mode: str = "w", **how: Any) -> Iterator[IO[Any]]:
    """Give an open file; when the block ends well it becomes `path`, which must not exist.

    `mode` is "w" for text, in UTF-8 unless `how` names another encoding, or "wb"; `how` is for
    `open`.
    After an error nothing has changed.

    Raises:
        FileExistsError: when something is at `path` by then.
    """
    if "b" not in mode:
        how = {"encoding": "utf-8", **how}
    temporary = _beside(path)
    try:
        with _full_place_named(path.parent), temporary.open(mode.replace("w", "x"), **how) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _publish_new(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_folder(path.parent)


def write_new_file(path: Path, content: bytes | str) -> None:
    """Write a file that must not exist yet, whole or not at all. Raises FileExistsError."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with new_file_written_atomically(path, "wb") as file:
        file.write(data)


def check_can_write(path: Path, *, option: str = "--out") -> None:
    """Raise UsageError where nothing can be made at `path`, before long work is lost to it.

    It looks at the nearest folder above that exists; a disk may still turn out to be full.
    """
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if place != path.absolute() and not place.is_dir():
        raise UsageError(f"nothing can be written below a file: {path}", path=place)
    if not os.access(place, os.W_OK):
        raise UsageError(
            "nothing may be written here", path=place, remedy=f"choose another place with {option}"
        )


def is_full(error: OSError) -> bool:
    """Tell whether a disk is full, or a quota used up."""
    return error.errno in _FULL


def storage_error(error: OSError, *, then: str = "give the command again") -> StorageError:
    """The error about a full disk, with the place that is full; `then` follows freed space."""
    place = None if error.filename is None else Path(error.filename)
    while place is not None and not place.is_dir() and place != place.parent:
        place = place.parent
    what = "the disk is full" if error.errno == errno.ENOSPC else "the disk quota is used up"
    remedy = f"free some space there, then {then}; nothing is left half written"
    return StorageError(what, path=place, remedy=remedy)


@contextmanager
def folder_written_atomically(path: Path, *, keep_previous: Path | None = None) -> Iterator[Path]:
    """Give a temporary folder to write into; when the block ends well it becomes `path`.

    A folder already at `path` moves to `keep_previous`, whose former content goes; without
    `keep_previous` it must not exist. After an error nothing has changed.

    Raises:
        FileExistsError: when `path` exists and no place is given for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        with _full_place_named(path.parent):
            temporary.mkdir()
            yield temporary
        for item in temporary.rglob("*"):
            if item.is_dir():
                flush_folder(item)
            elif item.is_file():
                _flush_file(item)
        flush_folder(temporary)
        if keep_previous is not None and path.exists():
            shutil.rmtree(keep_previous, ignore_errors=True)
            path.rename(keep_previous)
        if path.exists():
            raise FileExistsError(f"{path} exists")
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    flush_folder(path.parent)


def free_beside(run: Path, suffix: str) -> Path:
    """First of `<run>-<suffix>`, `<run>-<suffix>-2`, … beside a run that does not exist.

    `run` may also be a name of weights, which are not a path: then it is in the current folder.
    """
    plain = run if run.exists() else Path(str(run).replace("/", "-"))
    place = plain.resolve() if plain.name in ("", "..") else plain
    name = f"{place.resolve().name}-{suffix}"
    for number in count(1):
        candidate = place.with_name(name if number == 1 else f"{name}-{number}")
        if not candidate.exists():
            return candidate
    raise AssertionError("count never ends")


def remove_leftovers(folder: Path) -> None:
    """Remove temporary names that a killed process left in a folder that only we write to."""
    for item in folder.glob(".*.tmp"):
        if item.is_dir():
            shutil.rmtree(item, ignore_errors=True)
        else:
            item.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make renames in a folder durable; a no-op on Windows, which cannot open folders."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with _full_place_named(folder):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _full_place_named(folder: Path) -> Iterator[None]:
    """Let errors about a full disk name the folder: writing and flushing know of no name."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            error.filename = str(folder)
        raise


def _publish_new(temporary: Path, path: Path) -> None:
    """Give a finished file its name, unless somebody has taken it."""
    try:
        os.link(temporary, path)  # unlike a renaming it never replaces anything
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.rename(path)


def _flush_file(path: Path) -> None:
    with _full_place_named(path.parent), path.open("rb") as file:
        os.fsync(file.fileno())


def _beside(path: Path) -> Path:
    """A temporary name in the same folder; made without tempfile, whose files only we may read."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
