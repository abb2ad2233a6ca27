"""Files that a table names, found though the table was written on another system or place."""

from __future__ import annotations

import errno
import os
import posixpath
import re
import stat
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote, urlsplit

from nunbit.data.sources.walking import is_hidden

MISSING = "file is missing"
MAX_LEVELS = 2
"""Folders below the root that are searched for a file whose path does not hold."""
MAX_MISSES = 64
"""Missing files of a folder after which its names are listed: faster than asking for each."""
_NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP})
_TEXT = frozenset({".csv", ".tsv", ".txt", ".json", ".jsonl", ".xml", ".parquet", ".npy"})
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?P<name>.+)")
"""Names of files that were uploaded to Label Studio."""
_LOCAL_FILE = "/data/local-files/?d="
"""Text that Label Studio puts before the path of a file that it serves itself."""


@dataclass
class FileFinder:
    """Finds files below a folder by what tables call them."""

    root: Path
    by_name: list[str] = field(default_factory=list)
    """Paths as written that only the name of the file has led to."""
    _misses: Counter[str] = field(default_factory=Counter)
    """Files that a folder does not hold, as far as they were asked for one by one."""
    _listed: dict[str, frozenset[str] | None] = field(default_factory=dict)
    """Folders that miss so many that their names are looked up instead."""

    def locate(self, written: str, *, place: str) -> tuple[str, str]:
        """(relative path of the file meant, why it cannot be used or '').

        Tables come from other systems: blanks around the path, backslashes and the other Unicode
        form are tried where the path as written does not exist, then the name alone, with or
        without its ending, in the root and up to `MAX_LEVELS` folders below.
        """
        if not written.strip():
            return f"({place})", "no path in the table"
        for spelling in _spellings(written):
            relative = self._relative(spelling)
            try:
                mode = self._mode(relative)
            except OSError:
                return relative, "no usable path in the table"
            if mode is not None:
                return relative, "" if stat.S_ISREG(mode) else "not a regular file"
        found = self._by_name(written.strip())
        if len(found) == 1:
            self.by_name.append(written)
            return found[0], ""
        why = f": {len(found)} files have this name" if found else ""
        return self._relative(written.strip()), MISSING + why

    def _mode(self, relative: str) -> int | None:
        """Mode of what is at a path; None where there is nothing. Raises OSError."""
        folder, _, name = relative.rpartition("/")
        names = self._listed.get(folder)
        if names is not None and _folded(name) not in names:
            return None
        try:
            return os.stat(f"{self._root}/{relative}").st_mode  # noqa: PTH116 - twice as fast
        except ValueError:  # a name that no file can have, such as one with a zero byte
            return None
        except OSError as error:
            if error.errno not in _NOTHING_THERE:
                raise
        self._misses[folder] += 1
        if self._misses[folder] == MAX_MISSES and os.name != "nt":  # it takes names for others
            self._listed[folder] = self._names_in(folder)
        return None

    def _names_in(self, folder: str) -> frozenset[str] | None:
        """Names of all that a folder holds, folded; None where it cannot be listed."""
        try:
            with os.scandir(self.root / folder) as entries:
                return frozenset(_folded(entry.name) for entry in entries)
        except OSError as error:
            return frozenset() if error.errno in _NOTHING_THERE else None

    @cached_property
    def _root(self) -> str:
        return os.fspath(self.root)

    def _by_name(self, written: str) -> list[str]:
        """Files of this name; of several, those in a folder that is also named alike."""
        parts = _parts(_from_address(written))
        if not parts or parts[-1] in ("", ".", ".."):
            return []
        name = unicodedata.normalize("NFC", parts[-1])
        found = self._names.get(name) or self._stems.get(name) or []
        if not found and (upload := _UPLOADED.fullmatch(name)):
            found = self._names.get(upload["name"]) or []
        if len(found) > 1 and len(parts) > 1:
            inner = [path for path in found if Path(path).parent.name == parts[-2]]
            found = inner or found
        return found

    @cached_property
    def _listing(self) -> list[str]:
        """Visible files in the root and the folders below it, relative to the root."""
        files, waiting = [], [("", 0)]
        while waiting:
            folder, level = waiting.pop()
            try:
                with os.scandir(self.root / folder) as opened:
                    entries = sorted(opened, key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if is_hidden(entry.name):
                    continue
                if entry.is_dir():
                    if level < MAX_LEVELS:
                        waiting.append((path, level + 1))
                elif Path(entry.name).suffix.lower() not in _TEXT:
                    files.append(path)
        return files

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        names: dict[str, list[str]] = defaultdict(list)
        for path in self._listing:
            names[unicodedata.normalize("NFC", path.rpartition("/")[2])].append(path)
        return names

    @cached_property
    def _stems(self) -> dict[str, list[str]]:
        stems: dict[str, list[str]] = defaultdict(list)
        for name, paths in self._names.items():
            stems[name.rpartition(".")[0] or name] += paths
        return stems

    def _relative(self, written: str) -> str:
        if not os.path.isabs(written):  # noqa: PTH117 - asked of every row
            normal = posixpath.normpath(written)
            return written if normal == written else normal  # one text in memory, not two
        if Path(written).is_relative_to(self.root.absolute()):
            return Path(written).relative_to(self.root.absolute()).as_posix()
        return Path(os.path.relpath(written, self.root.resolve())).as_posix()


def _from_address(written: str) -> str:
    """The path in an address: `/data/local-files/?d=a%20b.jpg`, `s3://images/1.jpg`."""
    if _LOCAL_FILE in written:
        return unquote(written.partition(_LOCAL_FILE)[2])
    if "://" in written[:12]:
        with suppress(ValueError):  # an address that is none
            return unquote(urlsplit(written).path).lstrip("/")
    return written


def _folded(name: str) -> str:
    """A name so that those which some file system takes for one are equal."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def _parts(written: str) -> Sequence[str]:
    """Folders and name of a path of this or another system."""
    if "\\" in written or ":" in written:
        return PureWindowsPath(written).parts
    return [part for part in written.split("/") if part not in ("", ".")]


def _spellings(written: str) -> Iterable[str]:
    """The path as it stands, and what else may be meant by it; each once."""
    if written.isascii() and "\\" not in written and "://" not in written:
        plain = written.strip()
        if _LOCAL_FILE not in written:
            return (written,) if plain == written else (written, plain)
    return dict.fromkeys(_all_spellings(written))


def _all_spellings(written: str) -> Iterator[str]:
    yield written
    if (address := _from_address(written)) != written:
        yield address
    stripped = written.strip()
    for spelling in (stripped, PureWindowsPath(stripped).as_posix()):
        yield spelling
        for form in ("NFC", "NFD"):
            yield unicodedata.normalize(form, spelling)
