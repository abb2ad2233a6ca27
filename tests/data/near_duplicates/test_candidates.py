"""Descriptions, tangents and cells against slow and plain computations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import dctn

from nunbit.data.near_duplicates import candidates
from nunbit.data.near_duplicates.candidates import describe, nearest
from tests.data.near_duplicates.planting import cropped, digits, pieces


def grey_pieces() -> np.ndarray:
    return pieces(32).mean(axis=3).round().astype(np.uint8)


def test_a_description_is_the_low_frequencies_scaled_to_length_one() -> None:
    images = grey_pieces()[:20]
    spectrum = dctn(images.astype(np.float64), axes=(1, 2), norm="ortho")[:, :8, :8]
    values = spectrum.reshape(20, -1)[:, 1:]
    expected = values / np.linalg.norm(values, axis=1, keepdims=True)
    np.testing.assert_allclose(describe(images), expected, atol=1e-4)


def test_brightness_and_contrast_do_not_count() -> None:
    images = grey_pieces()[:20] // 2
    np.testing.assert_allclose(describe(images + 40), describe(images), atol=1e-4)
    np.testing.assert_allclose(describe(images * 2), describe(images), atol=1e-4)


def test_distances_are_those_from_the_planes_of_the_tangents() -> None:
    images = grey_pieces()
    views = candidates._Views(images[:3])
    others = describe(images[50:60])
    squared = views.squared_distances(np.arange(len(views.points)), others)
    for view in range(len(views.points)):
        plane = views.tangents[:, view].astype(np.float64).T
        for number, other in enumerate(others):
            away = other - views.points[view]
            _, left, _, _ = np.linalg.lstsq(plane, away)
            assert squared[view, number] == pytest.approx(float(left[0]), abs=2e-4)


def test_a_slight_crop_is_nearer_than_it_looks() -> None:
    rng = np.random.default_rng(0)
    images = grey_pieces()[:30]
    crops = np.stack([cropped(image[..., None], rng)[..., 0] for image in images])
    found = nearest(np.concatenate([images, crops]), k=1)
    straight = 2 - 2 * np.einsum("nd,nd->n", describe(images), describe(crops))
    assert (found.indices[:30, 0] == np.arange(30, 60)).mean() >= 0.9
    assert np.median(found.distances[:30, 0]) < np.median(straight) / 4


def test_cells_find_what_the_whole_search_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    images = digits()[..., 0]
    whole = nearest(images, k=3)
    monkeypatch.setattr(candidates, "_ALL_IN_ONE_CELL", 100)
    in_cells = nearest(images, k=3)
    assert (in_cells.indices[:, 0] == whole.indices[:, 0]).mean() > 0.97
    assert (in_cells.distances >= whole.distances - 1e-5).all()


def test_little_memory_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    images = digits()[:300, :, :, 0]
    at_once = nearest(images, k=3)
    monkeypatch.setattr(candidates, "_MAX_DISTANCES", 300 * 50)
    in_pieces = nearest(images, k=3)
    assert (in_pieces.indices == at_once.indices).mean() > 0.99
    np.testing.assert_allclose(in_pieces.distances, at_once.distances, atol=1e-5)


def test_equal_pictures_leave_cells_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_ALL_IN_ONE_CELL", 100)
    images = np.repeat(digits()[:5, :, :, 0], 60, axis=0)
    found = nearest(images, k=3)
    assert (found.indices // 60 == np.arange(300)[:, None] // 60).all()
    assert found.distances.max() < 1e-4


def test_neighbours_are_sorted_different_and_never_the_image_itself() -> None:
    found = nearest(digits()[:7, :, :, 0], k=10)
    assert (np.diff(found.distances[:, :6], axis=1) >= 0).all()
    for row, neighbours in enumerate(found.indices):
        assert sorted([row, *neighbours[:6]]) == list(range(7))
    assert (found.indices[:, 6:] == -1).all()
    assert np.isinf(found.distances[:, 6:]).all()
