"""Groups of copies: nobody is left out, and nothing is chained together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nunbit.data.near_duplicates import groups_of

Edges = st.sets(
    st.tuples(st.integers(0, 15), st.integers(0, 15)).filter(lambda pair: pair[0] < pair[1]),
    max_size=40,
)


def groups(*pairs: tuple[int, int]) -> tuple[tuple[int, ...], ...]:
    return groups_of(np.array(pairs, dtype=np.int64).reshape(-1, 2))


def test_all_copies_of_one_picture_are_one_group() -> None:
    assert groups((1, 2), (1, 5), (2, 5), (7, 9)) == ((1, 2, 5), (7, 9))


def test_a_chain_is_not_one_group() -> None:
    chained = groups(*((i, i + 1) for i in range(30)))
    assert max(map(len, chained)) == 3
    assert {row for group in chained for row in group} == set(range(31))


def test_nothing_from_nothing() -> None:
    assert groups() == ()


@given(Edges)
def test_every_row_stands_beside_a_partner_and_every_group_has_a_head(
    edges: set[tuple[int, int]],
) -> None:
    found = groups(*edges)
    both = edges | {(b, a) for a, b in edges}
    assert {row for group in found for row in group} == {row for edge in edges for row in edge}
    for group in found:
        assert list(group) == sorted(set(group))
        assert any(all(one == head or (head, one) in both for one in group) for head in group)
