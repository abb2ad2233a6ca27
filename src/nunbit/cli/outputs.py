"""Nothing that is already there is overwritten."""

from __future__ import annotations

from pathlib import Path

from nunbit.errors import UsageError


def refuse_existing(path: Path | None, *, option: str) -> None:
    """Raise UsageError where an option names a file, or a folder that is not empty.

    Commands call this before they start to work; writing itself is exclusive as well.
    """
    if path is None or not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    raise UsageError(
        f"{option} names what exists already, and nothing is overwritten",
        path=path,
        remedy="choose another name, or move the old one away",
    )
