"""Images laid over copies whose making is known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from nunbit.data.near_duplicates.alignment import unexplained
from tests.data.near_duplicates.planting import pieces


def grey() -> np.ndarray:
    return pieces(32).mean(axis=3).round().astype(np.uint8)


def laid_over(copies: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    both = np.concatenate([images, copies])
    pairs = np.stack([np.arange(len(images)), len(images) + np.arange(len(images))], axis=1)
    return unexplained(both, pairs)


def test_an_image_explains_itself() -> None:
    left, gains = laid_over(grey(), grey())
    # The search starts from a crop, and on fine grass it may stop short of the whole image.
    assert np.median(left) < 0.001
    assert left.max() < 0.05
    assert np.median(np.abs(gains - 1)) < 0.02


@pytest.mark.parametrize("gain", [0.6, 0.8, 1.3])
def test_gain_and_offset_are_found(gain: float) -> None:
    images = grey()[(grey().std(axis=(1, 2)) > 20) & (grey().max(axis=(1, 2)) < 180)]
    copies = np.clip(np.round(images * gain + 10), 0, 255).astype(np.uint8)
    left, gains = laid_over(copies, images)
    assert len(images) > 20
    assert left.max() < 0.01
    np.testing.assert_allclose(gains, gain, rtol=0.1)


@pytest.mark.parametrize(
    "box", [(0, 0, 30, 30), (2, 2, 32, 32), (0.5, 1, 31, 30), (1, 0, 31.5, 32)], ids=str
)
def test_crops_are_found_wherever_they_were_cut(box: tuple[float, ...]) -> None:
    images = grey()
    copies = np.stack(
        [
            np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR, box=box))
            for image in images
        ]
    )
    left, _ = laid_over(copies, images)
    assert np.median(left) < 0.01
    assert np.quantile(left, 0.8) < 0.05


def test_a_blur_is_explained_and_another_picture_is_not() -> None:
    images = grey()
    blurred = np.stack(
        [np.asarray(Image.fromarray(i).filter(ImageFilter.GaussianBlur(0.6))) for i in images]
    )
    assert np.quantile(laid_over(blurred, images)[0], 0.9) < 0.02
    others = np.sort(laid_over(np.roll(images, 1, axis=0), images)[0])
    assert others[len(others) // 10] > 0.2


def test_a_negative_is_no_copy() -> None:
    images = grey()
    left, _ = laid_over(255 - images, images)
    assert np.sort(left)[len(left) // 10] > 0.2
