"""Copies as they come about in practice, made with Pillow alone."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

from nunbit.data.near_duplicates import HashObserver, NearDuplicates, near_duplicates

Canvas = NDArray[np.uint8]
Pairs = set[tuple[int, int]]


def encoded_again(image: Canvas, rng: np.random.Generator) -> Canvas:
    buffer = io.BytesIO()
    plain(image).save(buffer, "JPEG", quality=int(rng.integers(60, 91)))
    return canvas(Image.open(buffer), image)


def resized(image: Canvas, rng: np.random.Generator) -> Canvas:
    height, width = image.shape[:2]
    factor = rng.uniform(1.25, 2)
    larger = plain(image).resize(
        (round(factor * width), round(factor * height)), Image.Resampling.BILINEAR
    )
    return canvas(larger.resize((width, height), Image.Resampling.BILINEAR), image)


def cropped(image: Canvas, rng: np.random.Generator) -> Canvas:
    height, width = image.shape[:2]
    share = rng.uniform(0.92, 0.98)
    left, top = rng.uniform(0, 1 - share, 2) * (width, height)
    box = (left, top, left + share * width, top + share * height)
    return canvas(plain(image).resize((width, height), Image.Resampling.BILINEAR, box=box), image)


def brightened(image: Canvas, rng: np.random.Generator) -> Canvas:
    return np.clip(np.round(image * rng.uniform(1.1, 1.3)), 0, 255).astype(np.uint8)


KINDS = (encoded_again, resized, cropped, brightened)


def plain(image: Canvas) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def canvas(picture: Image.Image, like: Canvas) -> Canvas:
    return np.asarray(picture, dtype=np.uint8).reshape(like.shape)


def with_copies(
    images: Canvas, *, each: int, seed: int = 0
) -> tuple[Canvas, list[tuple[int, int]]]:
    """Images [n, H, W, C] with `each` copies of every kind at their end, and the planted pairs."""
    rng = np.random.default_rng(seed)
    originals = rng.permutation(len(images))[: each * len(KINDS)]
    copies = [KINDS[i % len(KINDS)](images[row], rng) for i, row in enumerate(originals)]
    planted = [(int(row), len(images) + i) for i, row in enumerate(originals)]
    return np.concatenate([images, np.stack(copies)]), planted


@cache
def digits() -> Canvas:
    """scikit-learn's digits, uint8 [1797, 8, 8, 1]."""
    return np.round(load_digits().images * (255 / 16)).astype(np.uint8)[..., np.newaxis]


@cache
def pieces(side: int = 48) -> Canvas:
    """Pieces of two photographs that do not overlap, uint8 [n, side, side, 3].

    Pieces of nothing but sky are left out.
    """
    found = [
        photograph[top : top + side, left : left + side]
        for photograph in load_sample_images().images
        for top in range(0, 427 - side + 1, side)
        for left in range(0, 640 - side + 1, side)
    ]
    return np.stack([piece for piece in found if piece.mean(axis=2).std() > 15])


def search(images: Canvas, *, batch: int = 500) -> NearDuplicates:
    observer = HashObserver()
    for start in range(0, len(images), batch):
        some = images[start : start + batch]
        observer.observe(np.arange(start, start + len(some)), some)
    return near_duplicates(observer.signatures())


def found_pairs(images: Canvas) -> Pairs:
    return {(int(a), int(b)) for a, b in search(images).pairs}
