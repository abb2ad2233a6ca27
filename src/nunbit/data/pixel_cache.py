"""Decoded pixels kept on disk between runs.

An entry is the folder `<cache>/pixels/<key>/` with `pixels.npy` (uint8 [N, H, W, C]) and
`entry.json`. Its key hashes the content of all images and the input contract, so an entry is never
out of date; it is only absent, whole or damaged. It is built under another name beside its place,
flushed and renamed: readers see all of it or nothing, and of two builders the second takes over
what the first has published.
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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from nunbit.files import flush_folder, write_atomically
from nunbit.progress import Progress

Shape = tuple[int, int, int, int]
Write = Callable[[NDArray[np.uint8]], None]

_FORMAT = 1
_KEY = re.compile(r"[0-9a-f]{64}")
_BUILDING = ".building-"
_ABANDONED_SECONDS = 3600.0
"""A folder under construction that nobody wrote to for so long belongs to a killed run."""


@dataclass(frozen=True, kw_only=True)
class CachedPixels:
    """A whole entry."""

    array: NDArray[np.uint8]
    """[N, H, W, C], a read-only memory map or in memory."""
    reasons: tuple[str, ...]
    """[N] '' or why decoding failed."""


class PixelCache:
    """The entries below one folder, together no larger than `disk_bytes`.

    All methods raise OSError when the disk does not do what is asked; the caller can go on
    without a cache.
    """

    def __init__(self, folder: Path | None, *, disk_bytes: int, progress: Progress) -> None:
        self.folder = folder if folder is not None else default_cache_folder()
        self._entries = self.folder / "pixels"
        self._verdicts = self.folder / "verdicts"
        self._disk_bytes = disk_bytes
        self._progress = progress

    def find(self, key: str, shape: Shape, *, into_ram: bool) -> CachedPixels | None:
        """The entry of this key, None when there is none; a damaged one is told of and removed.

        Read into memory, an entry is compared with its checksum; a memory map only with its size,
        since reading all of it is what the map avoids.
        """
        place = self._entries / key
        if not place.exists():
            return None
        try:
            found = _read_entry(place, key, shape, into_ram=into_ram)
        except MemoryError:
            raise
        except Exception as error:  # whatever breaks while it is read, it is no whole entry
            self._progress.note(f"a damaged entry of the pixel cache is made anew ({error})")
            _remove(place)
            return None
        with contextlib.suppress(OSError):  # on a disk that may only be read, or removed just now
            os.utime(place / "entry.json")
        return found

    def build(self, key: str, shape: Shape, fill: Callable[[Write], tuple[str, ...]]) -> None:
        """Make an entry of what `fill` writes, in order, and the reasons it returns."""
        self._entries.mkdir(parents=True, exist_ok=True)
        self._make_room(int(np.prod(shape)))
        building = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=self._entries))
        try:
            checksum, reasons = _write_pixels(building / "pixels.npy", shape, fill)
            entry = {"key": key, "shape": list(shape), "crc32": checksum}
            text = sealed({**entry, "reasons": sparse(reasons)})
            write_atomically(building / "entry.json", text)
            _publish(building, self._entries / key)
        finally:
            shutil.rmtree(building, ignore_errors=True)

    def find_verdicts(self, key: str, count: int) -> tuple[str, ...] | None:
        """The reasons [N] found when all images were decoded once before, None if they were not."""
        try:
            return dense(read_sealed(self._verdicts / f"{key}.json")["reasons"], count)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep_verdicts(self, key: str, reasons: tuple[str, ...]) -> None:
        """Remember the reasons [N] of images that are decoded anew at each use."""
        self._verdicts.mkdir(parents=True, exist_ok=True)
        write_atomically(self._verdicts / f"{key}.json", sealed({"reasons": sparse(reasons)}))

    def _make_room(self, needed: int) -> None:
        """Remove what killed runs left, then the entries longest unused, until `needed` fits."""
        entries = []
        for place in self._entries.iterdir():
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


def default_cache_folder() -> Path:
    """$NUNBIT_CACHE, else the user's cache folder for nunbit."""
    named = os.environ.get("NUNBIT_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("nunbit"))


def sealed(values: dict[str, Any]) -> str:
    """JSON with a checksum of itself."""
    values = {"format": _FORMAT, **values}
    return json.dumps({**values, "seal": _seal(values)}, indent=1)


def read_sealed(path: Path) -> dict[str, Any]:
    """What `sealed` made. Raises ValueError for other content, OSError if unreadable."""
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict) or values.get("format") != _FORMAT:
        raise ValueError(f"{path.name} is of another format")
    if values.pop("seal", None) != _seal(values):
        raise ValueError(f"{path.name} does not match its checksum")
    return values


def sparse(reasons: tuple[str, ...]) -> dict[str, str]:
    """Row number to reason, for those that have one."""
    return {str(row): reason for row, reason in enumerate(reasons) if reason}


def dense(reasons: dict[str, str], count: int) -> tuple[str, ...]:
    """[N] the inverse of `sparse`."""
    return tuple(reasons.get(str(row), "") for row in range(count))


def _seal(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _write_pixels(
    path: Path, shape: Shape, fill: Callable[[Write], tuple[str, ...]]
) -> tuple[int, tuple[str, ...]]:
    """CRC-32 of the pixels written, and the reasons that `fill` returned."""
    checksum = 0
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    # Written in order rather than through a memory map, so that a full disk is an error that can
    # be handled and not a signal that ends the process.
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()

        def write(pixels: NDArray[np.uint8]) -> None:
            nonlocal checksum
            data = np.ascontiguousarray(pixels).data.cast("B")
            checksum = zlib.crc32(data, checksum)
            file.write(data)

        reasons = fill(write)
        if file.tell() - start != int(np.prod(shape)):
            raise ValueError("fewer or more pixels were written than the shape has")
        file.flush()
        os.fsync(file.fileno())
    return checksum, reasons


def _read_entry(place: Path, key: str, shape: Shape, *, into_ram: bool) -> CachedPixels:
    """The entry; any exception but MemoryError means that it is damaged."""
    entry = read_sealed(place / "entry.json")
    if entry["key"] != key or entry["shape"] != list(shape):
        raise ValueError("entry.json belongs to another entry")
    path = place / "pixels.npy"
    mapped = np.lib.format.open_memmap(path, mode="r")
    whole = mapped.dtype == np.uint8 and mapped.shape == shape and mapped.flags.c_contiguous
    if not whole or path.stat().st_size != mapped.offset + mapped.nbytes:
        raise ValueError("pixels.npy has the wrong size")
    array: NDArray[np.uint8] = mapped
    if into_ram:
        array = np.array(mapped)
        if zlib.crc32(array.data.cast("B")) != entry["crc32"]:
            raise ValueError("pixels.npy does not match its checksum")
    return CachedPixels(array=array, reasons=dense(entry["reasons"], shape[0]))


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
