"""Checksums of blocks: those of zlib, and each block is compared once, before its use."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nunbit.data import block_sums
from nunbit.data.block_sums import BlockSums, BlockWriter
from nunbit.errors import DataError


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_sums, "BLOCK_BYTES", 12)  # two rows of five bytes
        yield


@given(st.lists(st.integers(1, 7), max_size=8))
def test_pieces_do_not_matter(pieces: list[int]) -> None:
    array = np.arange(5 * sum(pieces), dtype=np.uint8).reshape(-1, 5)
    writer, start = BlockWriter(5), 0
    for piece in pieces:
        writer.add(array[start : start + piece].data.cast("B"))
        start += piece
    expected = [zlib.crc32(array[i : i + 2].tobytes()) for i in range(0, len(array), 2)]
    assert writer.sums() == expected


def test_only_blocks_that_are_used_are_compared_and_each_once() -> None:
    array = np.arange(35, dtype=np.uint8).reshape(7, 5)
    sums = [zlib.crc32(array[i : i + 2].tobytes()) for i in range(0, 7, 2)]
    array[5, 0] ^= 1  # in the third block
    removed: list[bool] = []
    checked = BlockSums(array, sums, place=Path("x"), damaged=lambda: removed.append(True))
    checked.check(np.array([0, 1, 3, 6]))
    array[0, 0] ^= 1  # after its comparison: in memory, which is not compared again
    checked.check(np.array([0]))
    assert removed == []
    with pytest.raises(DataError, match="damaged"):
        checked.check(np.array([0, 4]))
    assert removed == [True]
    with pytest.raises(ValueError, match="checksum for each block"):
        BlockSums(array, sums[:-1], place=Path("x"), damaged=lambda: None)
