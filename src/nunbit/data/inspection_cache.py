"""Records of what was found in files, kept between runs.

A look at a file reads all of it: for the digest of its content, and for what its header says. What
it found holds as long as the file is as it was. It is taken to be so where its path, its size, its
number on the disk, and both its times are as they were: that of the content, and that of the last
change of any kind, which the system alone sets, also where a program puts the first one back. A
file that changed less than `RACY_SECONDS` before it was looked at is looked at again, for a further
change might carry the same time (git's index has the same rule, and calls such files racy). Where
the system tells no time of the last change, as Windows does not, nothing is remembered.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

import PIL

from nunbit.data.formats import foreign
from nunbit.documents import parse_json
from nunbit.files import write_atomically
from nunbit.types import FileRecord, ImageFacts, ImageStore

RACY_SECONDS = 3.0
"""Longer than any usual file system's tick: that of FAT is two seconds."""
MAX_RECORDS = 50
"""The oldest beyond them are removed; the record of 20,000 files takes 5 MB."""
TELLS_CHANGES = os.name != "nt"
_FORMAT = 4
_FIELDS = tuple(field.name for field in fields(ImageFacts))
_VALUES = attrgetter(*_FIELDS)

Stamp = tuple[int, ...]
"""Numbers that change with a file: device, number, size, and both times in nanoseconds."""


class InspectionCache:
    """The records of the images of one place, in a file of their own below `folder`."""

    def __init__(self, folder: Path, location: str) -> None:
        name = hashlib.sha256(os.fsencode(Path(location).absolute())).hexdigest()
        self._file = folder / f"{name}.json"
        self._stamps: list[Stamp | None] = []
        self._known: dict[str, tuple[Stamp, FileRecord]] = {}

    def find(self, paths: Sequence[str], images: ImageStore) -> list[FileRecord | None]:
        """[N] what is known of images whose file is as it was; None where they must be read.

        `paths` [N] are those of the `Samples`, each once.
        """
        if not TELLS_CHANGES:
            return [None] * len(paths)
        self._known = self._read()
        now = time.time_ns()
        self._stamps = [_stamp(images.file(row), now) for row in range(len(images))]
        return [
            known[1] if known is not None and known[0] == stamp else None
            for known, stamp in zip(map(self._known.get, paths), self._stamps, strict=True)
        ]

    def keep(self, paths: Sequence[str], records: Sequence[FileRecord]) -> None:
        """Remember the records [N] of the images that `find` was asked about.

        Raises OSError where the disk does not do what is asked; nothing is lost by that but time.
        """
        if not TELLS_CHANGES:
            return
        kept = {
            path: (stamp, record)
            for path, stamp, record in zip(paths, self._stamps, records, strict=True)
            if stamp is not None and record.sha256
        }
        if kept == self._known:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._file, _text_of(kept))
        _remove_oldest(self._file.parent)

    def _read(self) -> dict[str, tuple[Stamp, FileRecord]]:
        """The record by path; empty where none of this version is whole."""
        try:
            checksum, _, content = self._file.read_bytes().partition(b"\n")
            if int(checksum, 16) != zlib.crc32(content):
                return {}
            record = parse_json(content)
            if record["of"] != _of():
                return {}
            os.utime(self._file)
            return {
                path: (
                    tuple(stamp),
                    FileRecord(sha256, None if row is None else ImageFacts(*row), reason),
                )
                for path, stamp, sha256, row, reason in record["files"]
            }
        except (OSError, ValueError, KeyError, TypeError):
            return {}


def _stamp(file: Path | None, now: int) -> Stamp | None:
    """None without a file, and for one that is not there or changed just now."""
    if file is None:
        return None
    try:
        status = os.stat(file)  # noqa: PTH116 - twice as fast as the method, for very many files
    except OSError:
        return None
    if now - max(status.st_ctime_ns, status.st_mtime_ns) < RACY_SECONDS * 1e9:
        return None
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_dev, status.st_ino, status.st_size, *times)


def _of() -> list[Any]:
    """Everything that a record depends on besides the file."""
    return [_FORMAT, PIL.__version__, list(_FIELDS), *foreign.installed_readers()]


def _text_of(kept: dict[str, tuple[Stamp, FileRecord]]) -> bytes:
    """A line with a checksum, and JSON."""
    rows = [
        (path, stamp, it.sha256, None if it.facts is None else _VALUES(it.facts), it.reason)
        for path, (stamp, it) in kept.items()
    ]
    content = json.dumps({"of": _of(), "files": rows}).encode("ascii")
    return b"%08x\n" % zlib.crc32(content) + content


def _remove_oldest(folder: Path) -> None:
    records = sorted(folder.glob("*.json"), key=lambda file: -file.stat().st_mtime)
    for file in records[MAX_RECORDS:]:
        file.unlink(missing_ok=True)
