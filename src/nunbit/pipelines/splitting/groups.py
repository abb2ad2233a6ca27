"""Groups of images that belong together, so that none is judged by what its twin taught."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nunbit.types import Split


def group_numbers(split: Split, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number [n] for images that belong together: equal bytes, or one group of the user."""
    keys: dict[tuple[str, str], int] = {}
    tied = [
        (place, len(rows) + keys.setdefault(key, len(keys)))
        for place, row in enumerate(rows)
        for key in (("bytes", split.sha256[row]), ("group", split.groups[row]))
        if key[1]
    ]
    nodes = len(rows) + len(keys)
    ends = np.array(tied, dtype=np.int64).reshape(-1, 2)
    ties = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(nodes, nodes))
    _, numbers = connected_components(ties, directed=False)
    return np.asarray(numbers[: len(rows)], dtype=np.int64)
