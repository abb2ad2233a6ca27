"""Checksums of the blocks of a mapped array, compared as each block is first read.

A map is there so that not all of a file is read, but what is read must be what was written: a
damaged block would train along unseen. Each block is compared once, by CRC-32, before its first
use. That reads every block that is used one more time, about 1.2 s for each GB (zlib's CRC-32 on
one core of a busy machine); in the first epoch of a shuffled training that is the whole file, once.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.errors import DataError

BLOCK_BYTES = 2**20


def rows_of_block(row_bytes: int) -> int:
    """Number of rows that are compared together."""
    return max(1, BLOCK_BYTES // max(1, row_bytes))


class BlockWriter:
    """The checksums of rows that are written in order, whatever the pieces."""

    def __init__(self, row_bytes: int) -> None:
        self._block_bytes = rows_of_block(row_bytes) * row_bytes
        self._sums: list[int] = []
        self._current, self._filled = 0, 0

    def add(self, data: memoryview) -> None:
        """Take in the bytes of some whole rows."""
        while len(data):
            piece = data[: self._block_bytes - self._filled]
            self._current = zlib.crc32(piece, self._current)
            self._filled += len(piece)
            data = data[len(piece) :]
            if self._filled == self._block_bytes:
                self._end_block()

    def sums(self) -> list[int]:
        """CRC-32 of each block; of the last one, what there is of it."""
        if self._filled:
            self._end_block()
        return self._sums

    def _end_block(self) -> None:
        self._sums.append(self._current)
        self._current, self._filled = 0, 0


class BlockSums:
    """The array [N, ...] and the checksums of its blocks."""

    def __init__(
        self,
        array: NDArray[Any],
        sums: Sequence[int],
        *,
        place: Path,
        damaged: Callable[[], None],
    ) -> None:
        """`damaged` is called before a damaged block is told; `place` is named.

        Raises ValueError where there are not as many checksums as blocks.
        """
        self._array = np.asarray(array)
        self._rows = rows_of_block(self._array[:1].nbytes)
        if len(sums) != -(-len(array) // self._rows):
            raise ValueError("entry.json has not a checksum for each block")
        self._sums = sums
        self._unread = np.ones(len(sums), dtype=np.bool_)
        self._place, self._damaged = place, damaged

    def check(self, rows: NDArray[np.int64]) -> None:
        """Compare the blocks of some rows that were not compared before.

        Raises:
            DataError: for a damaged block, before anything of it is used.
        """
        blocks = np.unique(rows // self._rows)
        for block in blocks[self._unread[blocks]].tolist():
            start = block * self._rows
            data = np.ascontiguousarray(self._array[start : start + self._rows])
            if zlib.crc32(data.data.cast("B")) != self._sums[block]:
                self._damaged()
                raise DataError(
                    "an entry of the cache is damaged, and was noticed when it was read",
                    path=self._place,
                    remedy="give the command again, or continue the run: the entry is made again",
                )
            self._unread[block] = False
