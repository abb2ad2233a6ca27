"""Long sequences in chunks, so that what is made of them fits into memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar


class _Sliceable(Protocol):
    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Any: ...


S = TypeVar("S", bound=_Sliceable)


def chunk_slices(count: int, size: int) -> Iterator[slice]:
    """Slices that cover `count` items in order, `size` each but for the last.

    Raises ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError(f"a chunk has at least one item, not {size}")
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def chunks(items: S, size: int) -> Iterator[S]:
    """Parts of a list, an array or a tensor in order, `size` items each but for the last.

    Raises ValueError for a size below 1.
    """
    return (items[some] for some in chunk_slices(len(items), size))
