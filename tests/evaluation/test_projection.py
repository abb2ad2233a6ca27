from __future__ import annotations

import sys
import types
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nunbit.evaluation.projection import (
    MAX_POINTS,
    NEIGHBOURS,
    Features,
    ImageMap,
    map_images,
)
from nunbit.seeds import Purpose, sklearn_seed
from nunbit.types import Predictions


@pytest.fixture(autouse=True)
def without_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a minute to begin, where it is installed."""
    monkeypatch.setitem(sys.modules, "umap", None)


def predictions(n: int, mistakes: int = 0) -> Predictions:
    labels = np.arange(n, dtype=np.int64) % 2
    answers = labels.copy()
    answers[:mistakes] = 1 - answers[:mistakes]
    return Predictions(
        logits=np.eye(2, dtype=np.float32)[answers], labels=labels, indices=np.arange(n)
    )


def features(values: NDArray[Any]) -> Features:
    return Features(values=values.astype(np.float32), rows=np.arange(len(values)), layer="fc")


def made(found: ImageMap | None) -> ImageMap:
    assert found is not None
    return found


def test_points_are_those_of_the_singular_value_decomposition() -> None:
    values = np.random.default_rng(0).normal(size=(60, 7)) * [9, 5, 2, 1, 1, 1, 1]
    found = made(map_images(predictions(60), features(values), seed=1))
    (projection,) = found.projections
    centred = values - values.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    expected = u[:, :2] * s[:2]
    # One scale for both axes, so that distances keep their proportions; signs are free.
    scale = np.ptp(expected, axis=0).max()
    for axis in range(2):
        mine = projection.points[:, axis] - projection.points[:, axis].mean()
        theirs = (expected[:, axis] - expected[:, axis].mean()) / scale
        assert min(abs(mine - theirs).max(), abs(mine + theirs).max()) < 1e-4
    assert projection.variance == pytest.approx((s[:2] ** 2).sum() / (s**2).sum(), rel=1e-4)
    assert projection.points.min() >= -1e-9
    assert projection.points.max() <= 1 + 1e-9
    assert found.rows.tolist() == list(range(60))


def test_of_many_images_the_mistakes_are_shown_first_and_the_rest_is_drawn() -> None:
    n = MAX_POINTS + 500
    values = np.random.default_rng(0).normal(size=(n, 3))
    found = made(map_images(predictions(n, mistakes=30), features(values), seed=1))
    assert len(found.rows) == MAX_POINTS
    assert set(range(30)) <= set(found.rows.tolist())
    assert (found.mistakes_of, found.images_of) == (30, n)
    assert (np.diff(found.rows) > 0).all()
    again = made(map_images(predictions(n, mistakes=30), features(values), seed=1))
    assert again.rows.tolist() == found.rows.tolist()
    other = made(map_images(predictions(n, mistakes=30), features(values), seed=2))
    assert other.rows.tolist() != found.rows.tolist()


@pytest.mark.parametrize(("mistakes", "shown"), [(700, MAX_POINTS // 2), (1250, 750)])
def test_mistakes_take_half_of_the_map_or_what_the_others_leave(mistakes: int, shown: int) -> None:
    n = 1300
    values = np.random.default_rng(0).normal(size=(n, 3))
    found = made(map_images(predictions(n, mistakes=mistakes), features(values), seed=1))
    assert len(found.rows) == MAX_POINTS
    assert (found.rows < mistakes).sum() == shown


def test_directions_come_from_all_images_though_mistakes_are_preferred() -> None:
    n = 2000
    values = np.random.default_rng(0).normal(size=(n, 3)) * [1, 5, 3]
    values[:10, 0] += 40  # the mistakes lie far out in a direction that is small otherwise
    found = made(map_images(predictions(n, mistakes=10), features(values), seed=1))
    variances = values.var(axis=0, ddof=1)
    covariance = np.cov(values.T)
    largest = np.sort(np.linalg.eigvalsh(covariance))[-2:].sum()
    assert found.projections[0].variance == pytest.approx(largest / variances.sum(), rel=1e-3)


@pytest.mark.parametrize(
    "values",
    [np.ones((9, 4)), np.ones((50, 4)), np.arange(50.0)[:, None], np.full((50, 4), np.nan)],
    ids=["few", "all alike", "one number", "not finite"],
)
def test_there_is_no_map_of_nothing(values: NDArray[Any]) -> None:
    assert map_images(predictions(len(values)), features(values), seed=0) is None


def test_features_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit 3 rows"):
        Features(values=np.zeros((2, 5), dtype=np.float32), rows=np.arange(3), layer="fc")


def test_umap_is_shown_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    class UMAP:
        def __init__(self, **options: Any) -> None:
            asked.update(options)

        def fit_transform(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
            warnings.warn("its compiler complains", stacklevel=1)
            asked["shape"] = values.shape
            return values[:, :2]

    module = types.ModuleType("umap")
    module.UMAP = UMAP  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "umap", module)
    values = np.random.default_rng(0).normal(size=(900, 4))
    found = made(map_images(predictions(900), features(values), seed=5))
    assert [projection.method for projection in found.projections] == ["PCA", "UMAP"]
    assert asked == {
        "n_neighbors": NEIGHBOURS,
        "random_state": sklearn_seed(5, Purpose.PROJECTION),
        "n_jobs": 1,
        "shape": (MAX_POINTS, 4),
    }


def test_another_package_called_umap_is_not_mistaken_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "umap", types.ModuleType("umap"))
    values = np.random.default_rng(0).normal(size=(30, 4))
    found = made(map_images(predictions(30), features(values), seed=5))
    assert [projection.method for projection in found.projections] == ["PCA"]


@pytest.mark.slow
def test_the_real_umap_keeps_neighbours_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "umap")
    pytest.importorskip("umap", reason="the extra map is not installed", exc_type=ImportError)
    generator = np.random.default_rng(0)
    kinds = np.arange(300) % 3
    values = generator.normal(size=(3, 20))[kinds] * 9 + generator.normal(size=(300, 20))
    one, two = (made(map_images(predictions(300), features(values), seed=1)) for _ in range(2))
    points = one.projections[1].points
    np.testing.assert_array_equal(points, two.projections[1].points)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (kinds[distances.argmin(axis=1)] == kinds).mean() > 0.99
