"""Atomic writing: files and folders are either complete or absent.

Everything is written under a temporary name beside its place, flushed to the disk, and renamed, so
that a process killed at any moment leaves no half-written result (Pillai et al., "All File Systems
Are Not Created Equal", OSDI 2014, for why both the file and its folder are flushed).
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file, replacing one of that name in one step."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = _beside(path)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


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
    temporary.mkdir()
    try:
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
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _beside(path: Path) -> Path:
    """A temporary name in the same folder; made without tempfile, whose files only we may read."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
