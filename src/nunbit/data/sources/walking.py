"""All files below a folder: hidden ones set aside, links followed once, nothing opened."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from nunbit.errors import DataError
from nunbit.formatting import count, examples

LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", ".ipynb_checkpoints", "@eadir"})
"""Lower-case names that systems leave behind in folders of images."""


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """One file; `reason` says why it cannot be one of the images, '' where it may be."""

    path: str
    """Relative to the folder, with forward slashes."""
    file: Path
    reason: str = ""
    excluded: bool = False
    """True where the user left it out."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Files and folders below a folder, each tuple in the order of its paths."""

    files: tuple[FoundFile, ...]
    folders: tuple[str, ...]
    """All visible folders, relative to the root."""
    notes: tuple[str, ...]
    on_disk: bool = True
    """False for the content of an archive, whose paths name nothing on disk."""


@dataclass
class _Walk:
    root: Path
    files: list[FoundFile] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    linked: set[Path] = field(default_factory=set)
    """Real paths of the folders that links have led to."""
    waiting: deque[tuple[str, str]] = field(default_factory=deque)
    """Folders to enter: path on disk, and path shown."""


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder name is one that users do not mean as data."""
    return name.startswith(".") or name.lower() in LITTER


def list_files(root: Path) -> Listing:
    r"""Every file below `root`.

    Links to files and folders are followed. A link to a folder above it, or to one that another
    link has led to, is not entered but listed with a reason, so cycles end. Names that are not
    valid UTF-8 are shown with `\xNN` in place of the odd bytes.

    Raises DataError where `root` itself cannot be read.
    """
    walk = _Walk(root=root, waiting=deque([(os.fspath(root), "")]))
    while walk.waiting:
        folder, shown = walk.waiting.popleft()
        _enter(walk, folder, shown)
    notes = []
    if walk.ignored:
        number = count(len(walk.ignored), "hidden file or folder", "hidden files or folders")
        notes.append(f"{number} ignored, e.g. {examples(sorted(walk.ignored))}")
    if walk.renamed:
        number = count(len(walk.renamed), "name is", "names are")
        notes.append(f"{number} not valid UTF-8 and shown as {examples(sorted(walk.renamed))}")
    return Listing(
        files=tuple(sorted(walk.files, key=lambda found: found.path)),
        folders=tuple(sorted(walk.folders)),
        notes=tuple(notes),
    )


def _enter(walk: _Walk, folder: str, shown: str) -> None:
    try:
        with os.scandir(folder) as opened:
            entries = sorted(opened, key=lambda entry: entry.name)
    except OSError as error:
        if not shown:
            raise DataError(
                f"the folder cannot be read: {error.strerror}", path=walk.root
            ) from error
        unread = f"folder cannot be read: {error.strerror}"
        walk.files.append(FoundFile(path=shown, file=Path(folder), reason=unread))
        return
    for entry in entries:
        name = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
        path = f"{shown}/{name}" if shown else name
        if is_hidden(name):
            walk.ignored.append(path)
            continue
        if name != entry.name:
            walk.renamed.append(path)
        reason = _sort_out(walk, entry, path)
        if reason is not None:
            walk.files.append(FoundFile(path=path, file=Path(entry.path), reason=reason))


def _sort_out(walk: _Walk, entry: os.DirEntry[str], path: str) -> str | None:
    """None for a folder that will be entered, else the reason of a file ('' for a good one)."""
    is_link = entry.is_symlink()
    try:
        if entry.is_dir():
            refusal = _why_not_entered(walk, entry) if is_link else None
            if refusal is None:
                walk.folders.append(path)
                walk.waiting.append((entry.path, path))
            return refusal
        if entry.is_file():
            return ""
        entry.stat()
    except OSError as error:
        if is_link:
            return f"broken link to '{_target(entry)}'"
        return f"cannot be read: {error.strerror}"
    return "not a regular file"


def _why_not_entered(walk: _Walk, entry: os.DirEntry[str]) -> str | None:
    """Reason why a link to a folder is not entered; None if it is."""
    real = Path(entry.path).resolve()
    if Path(entry.path).parent.resolve().is_relative_to(real):
        return f"link to a folder above it: '{_target(entry)}'"
    if real in walk.linked:
        return f"link to a folder that another link has led to: '{_target(entry)}'"
    walk.linked.add(real)
    return None


def _target(entry: os.DirEntry[str]) -> str:
    return os.fsencode(Path(entry.path).readlink()).decode("utf-8", "backslashreplace")
