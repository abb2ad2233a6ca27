"""The members of an archive as a listing of files, like that of a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from nunbit.data.sources.walking import FoundFile, Listing, is_hidden
from nunbit.formatting import count, examples

Where = TypeVar("Where")
"""Place of a member's bytes within its archive."""

IS_LINK = "a link within an archive, which is not followed"
NOT_REGULAR = "not a regular file"


class Member(NamedTuple, Generic[Where]):
    """One entry of an archive."""

    name: str
    """Name as the archive has it."""
    is_folder: bool
    where: Where | None
    """None with a reason."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Content(Generic[Where]):
    """Files of an archive, and where each is within it."""

    listing: Listing
    """Its files are all `FoundFile`s of the archive itself."""
    where: dict[str, Where | None]
    """Places by the path in the listing."""


def content_of(archive: Path, members: Iterable[Member[Where]]) -> Content[Where]:
    """The members as a listing; of a path that appears twice, the last counts, as for unpackers.

    A single folder above all others is left out of the paths, with a note.
    """
    found: dict[str, Member[Where]] = {}
    folders: set[str] = set()
    ignored, outside, repeated = [], [], []
    for member in members:
        path, leads_out = member_path(member.name)
        if not path:
            continue
        if any(map(is_hidden, path.split("/"))):
            ignored.append(path)
            continue
        if leads_out:
            outside.append(path)
            continue
        folders.update(_above(path))
        if member.is_folder:
            folders.add(path)
            continue
        if path in found:
            repeated.append(path)
        found[path] = member
    notes = []
    if ignored:
        number = count(len(ignored), "hidden file or folder", "hidden files or folders")
        notes.append(f"{number} ignored, e.g. {examples(sorted(ignored))}")
    if repeated:
        times = count(len(repeated), "path appears", "paths appear")
        notes.append(
            f"{times} in the archive more than once, the last counts: {examples(repeated)}"
        )
    if outside:
        number = count(len(outside), "path leads", "paths lead")
        notes.append(f"{number} out of the archive, not read: {examples(outside)}")
    top = _single_top(folders, found)
    if top:
        notes.append(f"the folder '{top}' of the archive holds all others, and is not a class")
        found = {path.removeprefix(f"{top}/"): member for path, member in found.items()}
        folders = {f.removeprefix(f"{top}/") for f in folders if f.startswith(f"{top}/")}
    return Content(
        listing=Listing(
            files=tuple(
                FoundFile(path=path, file=archive, reason=found[path].reason)
                for path in sorted(found)
            ),
            folders=tuple(sorted(folders - found.keys())),
            notes=tuple(notes),
            on_disk=False,
        ),
        where={path: member.where for path, member in found.items()},
    )


def member_path(name: str) -> tuple[str, bool]:
    r"""The path to show, with forward slashes, and whether unpacking could leave the folder.

    Names that are not valid UTF-8 are shown with `\xNN` in place of the odd bytes.
    """
    shown = os.fsencode(name).decode("utf-8", "backslashreplace") if not name.isascii() else name
    shown = shown.replace("\\", "/")
    leads_out = shown.startswith("/") or bool(re.match(r"[A-Za-z]:", shown))
    pieces = [piece for piece in shown.split("/") if piece not in ("", ".")]
    if ".." in pieces:
        leads_out = True
        pieces = ["(up)" if piece == ".." else piece for piece in pieces]
    return "/".join(pieces), leads_out


def _above(path: str) -> Iterable[str]:
    upward = path.rpartition("/")[0]
    while upward:
        yield upward
        upward = upward.rpartition("/")[0]


def _single_top(folders: set[str], files: Iterable[str]) -> str:
    """The folder that holds everything, '' where there is none, or its files lie directly in it."""
    top = ""
    while True:
        inside = [f for f in folders if f.rpartition("/")[0] == top]
        direct = any(path.rpartition("/")[0] == top for path in files)
        if len(inside) != 1 or direct or not any(f.startswith(f"{inside[0]}/") for f in folders):
            return top
        top = inside[0]
