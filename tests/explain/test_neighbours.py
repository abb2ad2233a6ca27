from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from nunbit.explain import neighbours
from nunbit.explain.neighbours import nearest


@pytest.mark.parametrize("rows_at_once", [7, 1000])
def test_the_nearest_are_scikit_learns(rows_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "CHUNK_ROWS", rows_at_once)
    rng = np.random.default_rng(0)
    known = rng.normal(size=(60, 5)).astype(np.float32)
    asked = rng.normal(size=(9, 5)).astype(np.float32)
    distance, rows = NearestNeighbors(n_neighbors=4, metric="cosine").fit(known).kneighbors(asked)
    found = nearest(known, asked, count=4)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.similarity, 1 - distance, atol=1e-6)


def test_few_images_equals_and_zeros() -> None:
    known = np.array([[1, 0], [0, 0], [2, 0], [0, 1]], dtype=np.float32)
    found = nearest(known, np.array([[3, 0]], dtype=np.float32), count=9)
    assert list(found.rows[0]) == [0, 2, 1, 3]  # the first of equals first
    assert list(found.similarity[0]) == [1, 1, 0, 0]
    with pytest.raises(ValueError, match="nothing to find"):
        nearest(known[:0], known, count=1)
