"""Members of a zip archive, read one by one without the archive's directory.

The format is that of PKWARE's APPNOTE.TXT, 4.3.7: before the packed bytes stands a header of 30
bytes, the name and the extra field, whose lengths the header says.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nunbit.data.decoding import LARGEST_FILE_BYTES
from nunbit.data.sources.archives.members import IS_LINK, Content, Member, content_of
from nunbit.data.storage import EncodedImages
from nunbit.errors import DataError, UnusableImage
from nunbit.formatting import quoted

_LOCAL_HEADER = b"PK\x03\x04"
_HEADER_BYTES = 30
_ENCRYPTED, _UTF8 = 0x1, 0x800
"""Bits of a member's flags."""
DAMAGED = "the archive is damaged here, or has changed"
_UNREADABLE = (
    *(OSError, EOFError, ValueError, LookupError, OverflowError, RuntimeError, struct.error),
    *(zipfile.BadZipFile, zipfile.LargeZipFile),
)
"""Errors that `zipfile` raises for a directory that is not whole."""


class ZipMember(NamedTuple):
    """Place of the packed bytes of a file, and what they become."""

    offset: int
    method: int
    packed: int
    size: int
    crc: int


@dataclass(frozen=True, kw_only=True)
class ZipImages(EncodedImages):
    """Images that are members of a zip archive; `members[i]` belongs to row i."""

    archive: Path
    members: tuple[ZipMember | None, ...]
    """None where the listing has a reason against it."""
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.members)

    def read(self, row: int) -> bytes:
        """Unpacked bytes of one image, compared with their checksum. Raises `UnusableImage`."""
        member = self.members[row]
        if member is None:
            raise UnusableImage("not a regular file of the archive")
        try:
            with self.archive.open("rb") as opened:
                opened.seek(member.offset)
                header = opened.read(_HEADER_BYTES)
                if len(header) < _HEADER_BYTES or not header.startswith(_LOCAL_HEADER):
                    raise UnusableImage(DAMAGED)
                name, extra = struct.unpack_from("<HH", header, 26)
                opened.seek(name + extra, 1)
                packed = opened.read(member.packed)
            # Never more than the size that was looked at, whatever the bytes would become.
            unpacked = (
                packed
                if member.method == zipfile.ZIP_STORED
                else zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.size + 1)
            )
        except OSError as error:
            raise UnusableImage(f"unreadable: {error.strerror or error}") from None
        except zlib.error:
            raise UnusableImage(DAMAGED) from None
        if len(unpacked) != member.size or zlib.crc32(unpacked) != member.crc:
            raise UnusableImage(DAMAGED)
        if not unpacked:
            raise UnusableImage("zero bytes")
        return unpacked

    def name(self, row: int) -> str:
        """Name of the member without its folders."""
        return self.names[row]

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> ZipImages:
        """Some of the images."""
        return ZipImages(
            archive=self.archive,
            members=tuple(self.members[row] for row in rows),
            names=tuple(self.names[row] for row in rows),
        )

    def file(self, row: int) -> Path:  # noqa: ARG002 - all lie in one
        """The archive."""
        return self.archive


def list_zip(archive: Path) -> Content[ZipMember]:
    """Everything in a zip archive. Raises DataError where its directory cannot be read."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return content_of(archive, _members(opened.infolist()))
    except _UNREADABLE as error:
        raise DataError(
            f"the archive cannot be read: {quoted(error)}", path=archive, remedy="get it again"
        ) from error


def _members(infos: list[zipfile.ZipInfo]) -> Iterator[Member[ZipMember]]:
    for info in infos:
        name = info.filename
        if not info.flag_bits & _UTF8 and not name.isascii():
            name = _written_as_utf8(name)
        reason = _reason(info)
        where = ZipMember(
            info.header_offset, info.compress_type, info.compress_size, info.file_size, info.CRC
        )
        yield Member(name, info.is_dir(), None if reason else where, reason)


def _written_as_utf8(name: str) -> str:
    """A name whose bytes are UTF-8 though no flag says so, as macOS writes them."""
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _reason(info: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(info.external_attr >> 16):
        return IS_LINK
    if info.flag_bits & _ENCRYPTED:
        return "encrypted with a password"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"packed by method {info.compress_type}, which is not read: unpack the archive"
    if info.file_size > LARGEST_FILE_BYTES:
        return f"enormous: a file of {info.file_size / 1e9:.1f} GB, the limit is 1.1 GB"
    return ""
