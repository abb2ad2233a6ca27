"""Files that a command line names: files as they are, images in folders, globs."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from nunbit.errors import UsageError
from nunbit.progress import Progress


def expand(paths: Sequence[str], progress: Progress) -> list[Path]:
    """Find the files named by `paths`, each once, in the given order, sorted in folders and globs.

    A file named on its own, or met by a glob, is taken whatever it is. In folders, hidden files
    are skipped, and so is anything that is not an image by name or content; a note says how many.
    Raises UsageError when a path or pattern meets nothing.
    """
    found: dict[Path, None] = {}
    for path in paths:
        for item in _matches(path):
            chosen = _images_below(item, progress) if item.is_dir() else [item]
            found.update(dict.fromkeys(chosen))
    return list(found)


def _matches(path: str) -> list[Path]:
    if os.path.lexists(path):  # a name may hold the characters of a pattern
        return [Path(path)]
    if not glob.has_magic(path):
        raise UsageError("there is no such file or folder", path=path, remedy="check the path")
    # Path.glob takes no absolute pattern.
    matches = [Path(match) for match in sorted(glob.glob(path, recursive=True))]  # noqa: PTH207
    if not matches:
        raise UsageError(
            "no file matches this pattern",
            path=path,
            remedy="check it; quote it if your shell expands it itself",
        )
    return matches


def _images_below(folder: Path, progress: Progress) -> list[Path]:
    from nunbit.data.inspect import looks_like_image
    from nunbit.data.sources.walking import list_files

    listing = list_files(folder)
    for note in listing.notes:
        progress.note(f"{folder}: {note}")
    # Also files whose names promise an image: if the content is none, the user should know.
    images = [
        found.file
        for found in listing.files
        if looks_like_image(found.path) or (not found.reason and _holds_image(found.file))
    ]
    chosen = set(images)
    others = [found.path for found in listing.files if found.file not in chosen]
    if others:
        noun = (
            "file that is not an image was"
            if len(others) == 1
            else "files that are not images were"
        )
        progress.note(f"{folder}: {len(others):,} {noun} skipped, e.g. {others[0]}")
    if not images:
        raise UsageError(
            "this folder contains no images", path=folder, remedy="name a folder with images"
        )
    return images


def _holds_image(file: Path) -> bool:
    from nunbit.data.decoding import facts, read_image_bytes
    from nunbit.errors import UnusableImage

    try:
        facts(read_image_bytes(file))
    except UnusableImage:
        return False
    return True
