"""Which files a command means: files as they are, folders with what is in them, globs."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from nunbit.errors import UsageError
from nunbit.progress import Progress

SIDECARS = ("Thumbs.db", "desktop.ini", "__MACOSX", "@eaDir")


def expand(paths: Sequence[str], progress: Progress) -> list[Path]:
    """The files meant by `paths`, each once, in the order given and sorted within a folder or glob.

    A file named on its own is taken whatever its name. In folders, hidden files are left out, and
    so are files whose name is not that of an image; their number is told to `progress`.
    Raises UsageError when a path or pattern meets nothing.
    """
    found: dict[Path, None] = {}
    for path in paths:
        for item in _matches(path):
            chosen = list(_images_below(item, progress)) if item.is_dir() else [item]
            if item.is_dir() and not chosen:
                raise UsageError("there is no image in this folder", path=item)
            found.update(dict.fromkeys(chosen))
    return list(found)


def _matches(path: str) -> list[Path]:
    if os.path.lexists(path):  # a name may hold the characters of a pattern
        return [Path(path)]
    if glob.has_magic(path):
        # Path.glob takes no absolute pattern.
        matches = [Path(match) for match in sorted(glob.glob(path, recursive=True))]  # noqa: PTH207
        if matches:
            return matches
        raise UsageError("no file matches this pattern", path=path)
    raise UsageError("there is no such file or folder", path=path, remedy="check the path")


def _images_below(folder: Path, progress: Progress) -> Iterator[Path]:
    suffixes = _image_suffixes()
    others: list[str] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _hidden(name))
        for name in sorted(files):
            if _hidden(name):
                continue
            if Path(name).suffix.lower() in suffixes:
                yield Path(parent, name)
            else:
                others.append(str(Path(parent, name)))
    if others:
        progress.note(
            f"{len(others):,} files in {folder} are not named as images and were left out, "
            f"e.g. {others[0]}; name such a file itself to have it read"
        )


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in SIDECARS


def _image_suffixes() -> frozenset[str]:
    from PIL import Image

    return frozenset(Image.registered_extensions())
