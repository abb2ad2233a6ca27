"""Members of tar archives: read where they lie, or held in memory where the archive is packed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nunbit.data.decoding import LARGEST_FILE_BYTES
from nunbit.data.sources.archives.members import IS_LINK, NOT_REGULAR, Member
from nunbit.data.storage import EncodedImages
from nunbit.errors import DataError, UnusableImage
from nunbit.formatting import quoted

MAX_HELD_BYTES = 2 << 30
"""Limit of a packed archive once it is unpacked: all of it is held in memory."""
_UNREADABLE = (
    *(OSError, EOFError, ValueError, LookupError, OverflowError, RecursionError),
    *(tarfile.TarError, zlib.error, lzma.LZMAError),
)
"""Errors that `tarfile` and the decompressors raise for an archive that is not whole."""


class TarMember(NamedTuple):
    """Place of the bytes of a file."""

    archive: int
    """Number of the archive."""
    offset: int
    size: int


@dataclass(frozen=True, kw_only=True)
class TarImages(EncodedImages):
    """Images that are members of tar archives; `members[i]` belongs to row i."""

    archives: tuple[Path, ...]
    members: tuple[TarMember | None, ...]
    """None where the listing has a reason against it."""
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.members)

    def read(self, row: int) -> bytes:
        """The bytes of one image. Raises `UnusableImage`."""
        member = self.members[row]
        if member is None:
            raise UnusableImage("not a regular file of the archive")
        try:
            with self.archives[member.archive].open("rb") as opened:
                opened.seek(member.offset)
                data = opened.read(member.size)
        except OSError as error:
            raise UnusableImage(f"unreadable: {error.strerror or error}") from None
        if len(data) < member.size:
            raise UnusableImage("the archive ends within this file")
        if not data:
            raise UnusableImage("zero bytes")
        return data

    def name(self, row: int) -> str:
        """Name of the member without its folders."""
        return self.names[row]

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> TarImages:
        """Some of the images."""
        return TarImages(
            archives=self.archives,
            members=tuple(self.members[row] for row in rows),
            names=tuple(self.names[row] for row in rows),
        )

    def file(self, row: int) -> Path:
        """The archive that holds the image."""
        member = self.members[row]
        return self.archives[0 if member is None else member.archive]


@dataclass(frozen=True, kw_only=True)
class HeldImages(EncodedImages):
    """Images whose files are in memory, because they cannot be read one by one."""

    archive: Path
    contents: tuple[bytes | None, ...]
    """None where the listing has a reason against it."""
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.contents)

    def read(self, row: int) -> bytes:
        """The bytes of one image. Raises `UnusableImage`."""
        data = self.contents[row]
        if data is None:
            raise UnusableImage("not a regular file of the archive")
        if not data:
            raise UnusableImage("zero bytes")
        return data

    def name(self, row: int) -> str:
        """Name of the member without its folders."""
        return self.names[row]

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> HeldImages:
        """Some of the images."""
        return HeldImages(
            archive=self.archive,
            contents=tuple(self.contents[row] for row in rows),
            names=tuple(self.names[row] for row in rows),
        )

    def file(self, row: int) -> Path:  # noqa: ARG002 - all lie in one
        """The archive."""
        return self.archive


# ------------------------------------------------------------------------------------------------
# Members of an archive
# ------------------------------------------------------------------------------------------------


def plain_members(archive: Path, number: int = 0) -> Iterator[Member[TarMember]]:
    """The members of an archive that is not packed. Raises DataError where it is not whole."""
    try:
        with tarfile.open(archive, "r:") as opened:
            for info in opened:
                reason = _reason(info)
                where = None if reason else TarMember(number, info.offset_data, info.size)
                yield Member(info.name, info.isdir(), where, reason)
                # Kept for those who look up names: a kilobyte for each.
                opened.members.clear()  # type: ignore[attr-defined]
    except _UNREADABLE as error:
        raise _unreadable(archive, error) from error


def packed_members(archive: Path) -> Iterator[Member[bytes]]:
    """The members of a packed archive, with their bytes.

    Raises:
        DataError: where it is not whole, or larger than `MAX_HELD_BYTES` once it is unpacked.
    """
    try:
        with _unpacked(archive) as stream:
            bounded = _Bounded(stream, archive)
            with tarfile.open(fileobj=bounded, mode="r|") as opened:  # type: ignore[call-overload]
                for info in opened:
                    reason = _reason(info)
                    content = None
                    if info.isreg() and not reason:
                        file = opened.extractfile(info)
                        content = b"" if file is None else file.read()
                    yield Member(info.name, info.isdir(), content, reason)
    except _UNREADABLE as error:
        raise _unreadable(archive, error) from error


def is_packed(archive: Path) -> bool:
    """Tell whether an archive is packed as a whole. Raises DataError where it cannot be read."""
    return _magic(archive)[:2] in (b"\x1f\x8b", b"BZ")


def _magic(archive: Path) -> bytes:
    try:
        with archive.open("rb") as opened:
            return opened.read(4)
    except OSError as error:
        raise _unreadable(archive, error) from error


def _unpacked(archive: Path) -> gzip.GzipFile | bz2.BZ2File:
    return gzip.open(archive) if _magic(archive)[:2] == b"\x1f\x8b" else bz2.open(archive)


class _Bounded:
    """A stream that ends with an error once it has given too much."""

    def __init__(self, stream: gzip.GzipFile | bz2.BZ2File, archive: Path) -> None:
        self._stream, self._archive, self._given = stream, archive, 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._given += len(data)
        if self._given > MAX_HELD_BYTES:
            raise DataError(
                f"the archive is packed, and holds more than {MAX_HELD_BYTES / 2**30:.0f} GB: no "
                "part of it can be read without the parts before",
                path=self._archive,
                remedy="unpack it to a plain .tar (`gzip -dk` or `bzip2 -dk`), or into a folder, "
                "and give that",
            )
        return data


def _reason(info: tarfile.TarInfo) -> str:
    if info.isdir():
        return ""
    if info.issym() or info.islnk():
        return IS_LINK
    if not info.isreg() or info.sparse is not None:
        return NOT_REGULAR
    if info.size > LARGEST_FILE_BYTES:
        return f"enormous: a file of {info.size / 1e9:.1f} GB, the limit is 1.1 GB"
    return ""


def _unreadable(archive: Path, error: Exception) -> DataError:
    # zlib's messages are numbers and words for programmers.
    why = "its packed bytes are damaged" if "rror -" in str(error) else quoted(error)
    return DataError(f"the archive cannot be read: {why}", path=archive, remedy="get it again")
