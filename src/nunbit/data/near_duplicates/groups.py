"""Copies gathered into groups.

P pairs.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray


def groups_of(pairs: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    """Groups of copies, each sorted, from pairs of rows int64 [P, 2].

    Not the connected parts of the pairs: where a is a copy of b, b of c, and so on, those could
    chain the whole data together. Instead the row with the most partners takes all of its partners,
    then the next among what is left (star clustering). Every pair's rows stand in some group; a row
    whose partners are all taken joins the first of them in a group of its own, so that a row may
    stand in more than one.
    """
    partners: dict[int, set[int]] = defaultdict(set)
    for first, second in pairs.tolist():
        partners[first].add(second)
        partners[second].add(first)
    taken: set[int] = set()
    groups = []
    for row in sorted(partners, key=lambda one: (-len(partners[one]), one)):
        if row in taken:
            continue
        members = partners[row] - taken or {min(partners[row])}
        groups.append(tuple(sorted({row, *members})))
        taken |= {row, *members}
    return tuple(sorted(groups))
