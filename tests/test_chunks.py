"""Chunks of sequences: all items once, in order, none too large."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nunbit.chunks import chunk_slices, chunks


@given(st.lists(st.integers()), st.integers(1, 9))
def test_chunks_hold_every_item_once_in_order(items: list[int], size: int) -> None:
    parts = list(chunks(items, size))
    assert [item for part in parts for item in part] == items
    assert all(len(part) == size for part in parts[:-1])
    assert all(1 <= len(part) <= size for part in parts)


def test_arrays_are_cut_along_their_first_axis() -> None:
    rows = np.arange(10).reshape(5, 2)
    assert [part.tolist() for part in chunks(rows, 2)] == [
        [[0, 1], [2, 3]],
        [[4, 5], [6, 7]],
        [[8, 9]],
    ]
    assert list(chunk_slices(5, 2)) == [slice(0, 2), slice(2, 4), slice(4, 5)]


def test_a_chunk_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one item, not 0"):
        chunks([1], 0)
