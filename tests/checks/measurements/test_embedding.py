"""Own features: what they must and must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nunbit.checks.measurements.embedding import EmbeddingObserver
from nunbit.checks.measurements.features import DIRECTIONS, averaged, describe
from tests.checks.faults import digits


def test_a_flat_image_has_no_edges_and_its_own_brightness() -> None:
    values = describe(np.full((1, 16, 16, 1), 51, np.uint8))
    assert values.shape == (1, DIRECTIONS * 16 + 16)
    assert not values[0, : DIRECTIONS * 16].any()
    np.testing.assert_allclose(values[0, DIRECTIONS * 16 :], 0.2, rtol=1e-5)


@pytest.mark.parametrize(("axis", "direction"), [(2, 0), (1, 4.5)])
def test_stripes_have_one_direction(axis: int, direction: float) -> None:
    """Brightness that changes from left to right (0), or from top to bottom (a right angle)."""
    wave = (127 + 100 * np.sin(np.arange(28) / 2)).astype(np.uint8)
    image = np.tile(wave, (28, 1)) if axis == 2 else np.tile(wave[:, None], (1, 28))
    shown = image[None, ..., None]
    cells = describe(shown)[0, : DIRECTIONS * 49].reshape(DIRECTIONS, 49).sum(axis=1)
    nearest = {int(np.floor(direction)), int(np.ceil(direction))}
    assert set(np.flatnonzero(cells > cells.max() / 2)) == nearest


@settings(max_examples=25)
@given(
    shape=st.tuples(
        st.integers(1, 5), st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 3])
    ),
    seed=st.integers(0, 9),
)
def test_any_size_and_every_image_by_itself(shape: tuple[int, ...], seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    together = describe(images)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    assert together.shape[1] <= 540
    for image, values in zip(images, together, strict=True):
        np.testing.assert_allclose(describe(image[None])[0], values, atol=1e-5)


def test_averages_are_means_of_what_a_cell_covers() -> None:
    planes = np.random.default_rng(0).normal(size=(3, 12, 8)).astype(np.float32)
    expected = planes.reshape(3, 4, 3, 2, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(averaged(planes, 4, 2), expected, atol=1e-6)
    np.testing.assert_allclose(
        averaged(planes, 5, 3).mean(axis=(1, 2)), planes.mean(axis=(1, 2)), atol=1e-6
    )


def test_the_observer_gathers_in_the_order_of_the_rows() -> None:
    images, _ = digits()
    whole = describe(images[:50])
    observer = EmbeddingObserver()
    observer.observe(np.arange(120, 140), images[20:40])
    observer.observe(np.arange(100, 120), images[:20])
    observer.observe(np.arange(140, 150), images[40:50])
    features = observer.features()
    np.testing.assert_array_equal(features.rows, np.arange(100, 150))
    np.testing.assert_allclose(features.values, whole, atol=1e-6)
    assert len(EmbeddingObserver().features()) == 0


def test_the_observer_asks_whom_it_is_told_to_ask() -> None:
    observer = EmbeddingObserver(lambda canvases: canvases.mean(axis=(1, 2)).astype(np.float32))
    observer.observe(np.arange(2), np.full((2, 4, 4, 3), 9, np.uint8))
    np.testing.assert_array_equal(observer.features().values, np.full((2, 3), 9))
