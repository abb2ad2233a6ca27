"""Checks of new files and folders that a command is to write: nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

from nunbit.errors import UsageError
from nunbit.files import check_can_write


def check_not_existing(path: Path | None, *, option: str) -> None:
    """Raise UsageError where an option names a file, a folder in use, or a place to read only.

    Commands call this before they start to work; writing itself is exclusive as well.
    """
    if path is None:
        return
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        check_can_write(path, option=option)
        return
    raise UsageError(
        f"{option} names something that exists already, and nothing is overwritten",
        path=path,
        remedy="choose another name, or move the old one away",
    )


def check_new_file(path: Path | None, *, option: str) -> None:
    """Raise UsageError where a new file cannot be written, before hours of work are lost to it."""
    if path is not None and not path.parent.is_dir():
        raise UsageError(
            f"{option} names a file in a folder that does not exist",
            path=path.parent,
            remedy="make the folder first, or choose another",
        )
    check_not_existing(path, option=option)
    if path is not None and path.is_dir():
        raise UsageError(f"{option} names a folder", path=path, remedy="name a new file")
