"""Planted copies among handwritten digits and pieces of photographs, and what must not be found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nunbit.data.near_duplicates import HashObserver, near_duplicates
from tests.data.near_duplicates.planting import (
    KINDS,
    Canvas,
    digits,
    found_pairs,
    pieces,
    search,
    with_copies,
)


@pytest.mark.parametrize("seed", [0, 1])
def test_copies_among_handwritten_digits_are_told_from_look_alikes(seed: int) -> None:
    natural = found_pairs(digits())
    assert len(natural) <= 4  # of 1,797 images that are all alike
    images, planted = with_copies(digits(), each=20, seed=seed)
    found = found_pairs(images)
    hits = found & set(planted)
    assert len(hits) / len(planted) >= 0.95
    origin = list(range(len(digits()))) + [row for row, _ in planted]
    others = {tuple(sorted((origin[a], origin[b]))) for a, b in found - hits} - natural
    assert len(hits) / (len(hits) + len(others)) >= 0.95


def test_copies_among_pieces_of_photographs() -> None:
    images, planted = with_copies(pieces(), each=10)
    found = found_pairs(images)
    for kind in range(len(KINDS)):
        of_kind = set(planted[kind :: len(KINDS)])
        assert len(found & of_kind) >= 9, KINDS[kind].__name__
    others = found - set(planted)
    assert len(others) <= 1, others  # two pieces of sky may be alike


def test_another_colour_is_another_picture() -> None:
    images = pieces()
    swapped = images[:40, ..., ::-1]  # blue for red; grey stays much the same on leaves
    found = found_pairs(np.concatenate([images, swapped]))
    for row, picture in enumerate(images[:40]):
        chroma = picture.astype(float) - picture.mean(axis=2, keepdims=True)
        if np.abs(chroma).mean() > 20:
            assert (row, len(images) + row) not in found


def test_identical_pictures_are_paired_with_the_first() -> None:
    images = np.concatenate([pieces()[:60], *(pieces()[i : i + 1] for i in (7, 7, 9))])
    found = search(images)
    assert found.pairs.tolist() == [[7, 60], [7, 61], [9, 62]]
    assert found.similarity.tolist() == [1, 1, 1]


def test_many_slightly_different_copies_do_not_hide_each_other() -> None:
    """As the frames of a film: each of fifteen is nearer to the others than to anything else."""
    rng = np.random.default_rng(3)
    picture = pieces()[50]
    frames = np.stack(
        [np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255) for _ in range(15)]
    ).astype(np.uint8)
    images = np.concatenate([np.delete(pieces(), 50, axis=0), frames])
    in_groups = {row for pair in found_pairs(images) for row in pair}
    assert set(range(len(images) - 15, len(images))) <= in_groups


def test_data_that_are_all_copies_are_found_to_be() -> None:
    """A film: twenty frames of each of thirty scenes, and nothing that stands alone."""
    rng = np.random.default_rng(0)
    scenes = np.repeat(pieces(32)[:30], 20, axis=0)
    film = np.clip(scenes + rng.normal(0, 2, scenes.shape), 0, 255).astype(np.uint8)
    pairs = found_pairs(film)
    assert len({row for pair in pairs for row in pair}) >= 0.9 * len(film)
    assert all(a // 20 == b // 20 for a, b in pairs)


def test_pictures_without_contrast_are_no_copies_of_each_other() -> None:
    rng = np.random.default_rng(0)
    blank = rng.integers(250, 253, (30, 16, 16, 1)).astype(np.uint8)
    assert len(search(blank)) == 0


def test_rows_are_those_of_the_samples_whatever_the_order_and_the_batches() -> None:
    images, planted = with_copies(digits()[:200], each=5)
    rows = np.arange(len(images)) * 3 + 5
    expected = search(images)
    observer = HashObserver()
    for some in (slice(100, None), slice(0, 30), slice(30, 100)):
        observer.observe(rows[some], images[some])
    found = near_duplicates(observer.signatures())
    assert len(expected) >= len(planted) - 1
    np.testing.assert_array_equal(found.pairs, expected.pairs * 3 + 5)
    np.testing.assert_array_equal(found.similarity, expected.similarity)


@settings(max_examples=40)
@given(
    shape=st.tuples(
        st.integers(0, 12), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])
    ),
    levels=st.integers(1, 256),
    seed=st.integers(0, 99),
)
def test_any_number_and_size_of_images(
    shape: tuple[int, int, int, int], levels: int, seed: int
) -> None:
    images: Canvas = np.random.default_rng(seed).integers(0, levels, shape).astype(np.uint8)
    twice = np.concatenate([images, images])
    found = search(twice)
    assert (found.pairs[:, 0] < found.pairs[:, 1]).all()
    assert ((found.similarity >= 0) & (found.similarity <= 1)).all()
    pairs = {(int(a), int(b)) for a, b in found.pairs}
    assert len(pairs) == len(found)
    for row, image in enumerate(images):
        grey = image[..., 0] if shape[3] == 1 else image @ [0.299, 0.587, 0.114]
        if grey.std() > 4 and shape[1] <= 32 and shape[2] <= 32:
            assert any(row + len(images) in pair for pair in pairs)
    if levels == 1:
        assert not pairs
