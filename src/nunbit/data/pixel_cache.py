"""Decoded pixels kept on disk between runs: `nunbit.data.array_cache` with the reasons beside.

The key of an entry hashes the content of all images and the input contract.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from nunbit.data.array_cache import ArrayCache, Entry, read_with_checksum, with_checksum
from nunbit.data.block_sums import BlockSums
from nunbit.files import write_atomically
from nunbit.progress import Progress

Shape = tuple[int, int, int, int]
Write = Callable[[NDArray[np.uint8]], None]


@dataclass(frozen=True, kw_only=True)
class CachedPixels:
    """A whole entry."""

    array: NDArray[np.uint8]
    """[N, H, W, C], a read-only memory map or in memory."""
    reasons: tuple[str, ...]
    """[N] '' or why decoding failed."""
    sums: BlockSums | None = None
    """Compares rows of a memory map before their first use."""


class PixelCache:
    """The entries below one folder; the folder's arrays are together no larger than `disk_bytes`.

    All methods raise OSError when the disk does not do what is asked; the caller can go on
    without a cache.
    """

    def __init__(self, folder: Path | None, *, disk_bytes: int, progress: Progress) -> None:
        self.folder = folder if folder is not None else default_cache_folder()
        self._arrays = ArrayCache(self.folder, "pixels", disk_bytes=disk_bytes, progress=progress)
        self._verdicts = self.folder / "verdicts"

    def find(self, key: str, shape: Shape, *, into_ram: bool) -> CachedPixels | None:
        """The entry of this key, None when there is none; see `ArrayCache.find`."""
        found = self._arrays.find(key, shape, np.uint8, into_ram=into_ram, by_blocks=True)
        return None if found is None else _pixels_of(found)

    def build(
        self,
        key: str,
        shape: Shape,
        fill: Callable[[Write], tuple[str, ...]],
        *,
        into_ram: bool,
    ) -> CachedPixels | None:
        """Make an entry of what `fill` writes and of its reasons; see `ArrayCache.build`."""
        made = self._arrays.build(
            key,
            shape,
            np.uint8,
            lambda write: {"reasons": sparse(fill(write))},
            into_ram=into_ram,
            by_blocks=True,
        )
        return None if made is None else _pixels_of(made)

    def find_verdicts(self, key: str, count: int) -> tuple[str, ...] | None:
        """The reasons [N] found when all images were decoded once before, None if they were not."""
        try:
            return dense(read_with_checksum(self._verdicts / f"{key}.json")["reasons"], count)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep_verdicts(self, key: str, reasons: tuple[str, ...]) -> None:
        """Remember the reasons [N] of images that are decoded again at each use."""
        self._verdicts.mkdir(parents=True, exist_ok=True)
        write_atomically(
            self._verdicts / f"{key}.json", with_checksum({"reasons": sparse(reasons)})
        )


def _pixels_of(entry: Entry) -> CachedPixels:
    reasons = dense(entry.beside["reasons"], len(entry.array))
    return CachedPixels(array=entry.array, reasons=reasons, sums=entry.sums)


def default_cache_folder() -> Path:
    """$NUNBIT_CACHE, else the user's cache folder for nunbit."""
    named = os.environ.get("NUNBIT_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("nunbit"))


def sparse(reasons: tuple[str, ...]) -> dict[str, str]:
    """Row number to reason, for those that have one."""
    return {str(row): reason for row, reason in enumerate(reasons) if reason}


def dense(reasons: dict[str, str], count: int) -> tuple[str, ...]:
    """[N] the inverse of `sparse`."""
    return tuple(reasons.get(str(row), "") for row in range(count))
