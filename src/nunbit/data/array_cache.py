"""Arrays kept on disk between runs, each under a key that says all that decided its content.

An entry is the folder `<cache>/<kind>/<key>/` with `<kind>.npy` and `entry.json`, in which a
checksum stands. Its key is a digest, so an entry is never out of date; it is only absent, whole or
damaged. It is built under another name beside its place, flushed and renamed: readers see all of it
or nothing, and of two builders the second takes over what the first has published.

N rows of an array.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nunbit.data.block_sums import BlockSums, BlockWriter, rows_of_block
from nunbit.documents import read_json_object
from nunbit.files import flush_folder, write_atomically
from nunbit.progress import Progress

Kind = Literal["pixels", "features"]
KINDS: tuple[Kind, ...] = ("pixels", "features")
Write = Callable[[NDArray[Any]], None]
Fill = Callable[[Write], Mapping[str, Any]]
"""Writes the rows in order, and returns what is kept beside them: values for JSON."""

_FORMAT = 1
_KEY = re.compile(r"[0-9a-f]{64}")
_BUILDING = ".building-"
_ABANDONED_SECONDS = 3600.0
"""A folder under construction that nobody wrote to for so long belongs to a killed run."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A whole entry."""

    array: NDArray[Any]
    """[N, ...], a read-only memory map or in memory."""
    beside: Mapping[str, Any]
    """Values that the builder kept beside it."""
    sums: BlockSums | None = None
    """Compares rows of a memory map before their first use; None where all was compared."""


class ArrayCache:
    """The entries of one kind; those of all kinds together are no larger than `disk_bytes`.

    All methods raise OSError when the disk does not do what is asked; the caller can go on
    without a cache.
    """

    def __init__(self, folder: Path, kind: Kind, *, disk_bytes: int, progress: Progress) -> None:
        self.folder = folder
        self._kind = kind
        self._entries = folder / kind
        self._disk_bytes = disk_bytes
        self._progress = progress

    def find(
        self,
        key: str,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        *,
        into_ram: bool,
        by_blocks: bool = False,
    ) -> Entry | None:
        """The entry of this key, None when there is none; a damaged one is reported and removed.

        An entry is compared with its checksum; a memory map that is to be used `by_blocks` only
        with its size, and whoever uses it has `Entry.sums` compare each block before its first use.
        """
        place = self._entries / key
        if not place.exists():
            return None
        try:
            found = self._read(
                place, shape, np.dtype(dtype), into_ram=into_ram, by_blocks=by_blocks
            )
        except MemoryError:
            raise
        except Exception as error:  # whatever breaks while it is read, the entry is not whole
            name = self._kind.removesuffix("s")
            self._progress.note(f"a damaged entry of the {name} cache is made again ({error})")
            _remove(place)
            return None
        with contextlib.suppress(OSError):  # on a disk that may only be read, or removed just now
            os.utime(place / "entry.json")
        return found

    def build(
        self,
        key: str,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        fill: Fill,
        *,
        into_ram: bool,
        by_blocks: bool = False,
    ) -> Entry | None:
        """Make an entry of what `fill` writes, in order, and what it returns; returns the entry.

        With `into_ram` the rows go into memory while they are written: to read them back would take
        a good part of the time of decoding. None when somebody has already removed the entry.
        """
        self._entries.mkdir(parents=True, exist_ok=True)
        self._make_room(int(np.prod(shape)) * np.dtype(dtype).itemsize)
        array = np.empty(shape, dtype=dtype) if into_ram else None
        building = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=self._entries))
        try:
            path = building / f"{self._kind}.npy"
            kept = fill if array is None else _also(array_writer(array), fill)
            checksum, blocks, beside = _write_rows(path, shape, np.dtype(dtype), kept)
            entry = {"key": key, "shape": list(shape), "crc32": checksum, "blocks": blocks}
            write_atomically(building / "entry.json", with_checksum({**entry, **beside}))
            _publish(building, self._entries / key)
        finally:
            shutil.rmtree(building, ignore_errors=True)
        if array is None:
            return self.find(key, shape, dtype, into_ram=False, by_blocks=by_blocks)
        return Entry(array=array, beside=beside)

    def _read(
        self,
        place: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        into_ram: bool,
        by_blocks: bool,
    ) -> Entry:
        """The entry; any exception but MemoryError means that it is damaged."""
        entry = read_with_checksum(place / "entry.json")
        if entry["key"] != place.name or entry["shape"] != list(shape):
            raise ValueError("entry.json belongs to another entry")
        path = place / f"{self._kind}.npy"
        mapped = np.lib.format.open_memmap(path, mode="r")
        whole = mapped.dtype == dtype and mapped.shape == shape and mapped.flags.c_contiguous
        if not whole or path.stat().st_size != mapped.offset + mapped.nbytes:
            raise ValueError(f"{path.name} has the wrong size")
        if not into_ram:
            blocks = entry.get("blocks") if by_blocks else None  # entries of before have none
            if blocks is None:
                _compare_map(mapped, entry["crc32"], path)
                return Entry(array=mapped, beside=entry)
            sums = BlockSums(mapped, blocks, place=place, damaged=lambda: _remove(place))
            return Entry(array=mapped, beside=entry, sums=sums)
        # Read rather than copied from the map, whose pages would come one fault at a time.
        array = np.fromfile(path, dtype=dtype, offset=mapped.offset).reshape(shape)
        if zlib.crc32(array.data.cast("B")) != entry["crc32"]:
            raise ValueError(f"{path.name} does not match its checksum")
        return Entry(array=array, beside=entry)

    def _make_room(self, needed: int) -> None:
        """Remove what killed runs left, then the entries longest unused, until `needed` fits."""
        entries = []
        for place in self._all_places():
            if place.name.startswith(_BUILDING):
                if time.time() - _last_use(place) > _ABANDONED_SECONDS:
                    shutil.rmtree(place, ignore_errors=True)
            elif _KEY.fullmatch(place.name):
                entries.append((_last_use(place), _size(place), place))
        used = sum(size for _, size, _ in entries)
        for _, size, place in sorted(entries):
            if used + needed <= self._disk_bytes:
                break
            _remove(place)
            used -= size
        free = shutil.disk_usage(self._entries).free
        if needed > free:
            raise OSError(f"{needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free")

    def _all_places(self) -> Iterator[Path]:
        for kind in KINDS:
            if (self.folder / kind).is_dir():
                yield from (self.folder / kind).iterdir()


def with_checksum(values: Mapping[str, Any]) -> str:
    """JSON with a checksum of itself."""
    values = {"format": _FORMAT, **values}
    return json.dumps({**values, "seal": _seal(values)}, indent=1)


def read_with_checksum(path: Path) -> dict[str, Any]:
    """Values that `with_checksum` wrote.

    Raises ValueError for other content, OSError if unreadable.
    """
    values = read_json_object(path)
    if values.get("format") != _FORMAT:
        raise ValueError(f"{path.name} is of another format")
    if values.pop("seal", None) != _seal(values):
        raise ValueError(f"{path.name} does not match its checksum")
    return values


def _seal(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def array_writer(array: NDArray[Any]) -> Write:
    """Writes rows into `array` [N, ...], in order."""
    filled = 0

    def write(rows: NDArray[Any]) -> None:
        nonlocal filled
        array[filled : filled + len(rows)] = rows
        filled += len(rows)

    return write


def _also(second: Write, fill: Fill) -> Fill:
    """`fill`, whose rows go to `second` as well."""

    def fill_both(write: Write) -> Mapping[str, Any]:
        def write_both(rows: NDArray[Any]) -> None:
            write(rows)
            second(rows)

        return fill(write_both)

    return fill_both


def _write_rows(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], fill: Fill
) -> tuple[int, list[int], Mapping[str, Any]]:
    """CRC-32 of the rows written, and of each block of them, and what `fill` returned."""
    checksum = 0
    blocks = BlockWriter(int(np.prod(shape[1:])) * dtype.itemsize)
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    # Written in order rather than through a memory map, so that a full disk is an error that can
    # be handled and not a signal that ends the process.
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()

        def write(rows: NDArray[Any]) -> None:
            nonlocal checksum
            if rows.dtype != dtype:
                raise ValueError(f"rows of {rows.dtype} for an array of {dtype}")
            data = np.ascontiguousarray(rows).data.cast("B")
            checksum = zlib.crc32(data, checksum)
            blocks.add(data)
            file.write(data)

        beside = fill(write)
        if file.tell() - start != int(np.prod(shape)) * dtype.itemsize:
            raise ValueError("fewer or more rows were written than the shape has")
        file.flush()
        os.fsync(file.fileno())
    return checksum, blocks.sums(), beside


def _compare_map(mapped: NDArray[Any], checksum: int, path: Path) -> None:
    """Raise ValueError unless the map has its checksum; memory holds a block at a time."""
    rows, found = rows_of_block(mapped[:1].nbytes), 0
    for start in range(0, len(mapped), rows):
        found = zlib.crc32(np.asarray(mapped[start : start + rows]).data.cast("B"), found)
    if found != checksum:
        raise ValueError(f"{path.name} does not match its checksum")


def _publish(building: Path, place: Path) -> None:
    """Give a finished entry its name, unless another process was first."""
    try:
        building.rename(place)
    except OSError:
        # A folder that has content cannot be renamed over: the other process's entry stands.
        if not place.exists():
            raise
        return
    flush_folder(place.parent)


def _remove(place: Path) -> None:
    """Take an entry away; renamed first, so that nobody finds half of it.

    Another process may have done so already. One that has it mapped keeps its pages on POSIX.
    """
    doomed = place.with_name(f"{_BUILDING}{os.getpid()}-{time.monotonic_ns()}")
    try:
        place.rename(doomed)
    except FileNotFoundError:
        return
    shutil.rmtree(doomed, ignore_errors=True)


def _last_use(place: Path) -> float:
    """Seconds since 1970 of the newest change in an entry; 0 when it is going away."""
    try:
        return max(path.stat().st_mtime for path in (place, *place.iterdir()))
    except OSError:
        return 0.0


def _size(place: Path) -> int:
    """Bytes of an entry's files; 0 when it is going away."""
    try:
        return sum(path.stat().st_size for path in place.iterdir())
    except OSError:
        return 0
