"""Activations in the place of images: the same samples, in the same order, mirrored alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nunbit.data.augment import PRESETS, Augmentation
from nunbit.data.augment.flips_and_shifts import HorizontalFlip
from nunbit.data.batches import Batches, TrainingBatches
from nunbit.data.pixels import ArrayPixels
from nunbit.data.preprocess import Preprocess
from nunbit.finetune.cached_activations import (
    ActivationBatches,
    Activations,
    TrainingActivations,
    mirrors,
    only_flips,
)

CPU = torch.device("cpu")
PREPROCESS = Preprocess(height=4, width=6, channels=3, mean=(0.4,) * 3, std=(0.2,) * 3)
TWICE = Augmentation(
    name="twice",
    assumption="none",
    operations=(HorizontalFlip(probability=0.9), HorizontalFlip(probability=0.3)),
)


def pixels_of(n: int) -> ArrayPixels:
    array = np.random.default_rng(n).integers(0, 256, (n, 4, 6, 3)).astype(np.uint8)
    return ArrayPixels(array, reasons=("",) * n, preprocess=PREPROCESS)


def kept(pixels: ArrayPixels, rows: np.ndarray, change: Callable[[Tensor], Tensor]) -> Activations:
    """Normalised images as activations: a boundary before the first layer."""
    (canvases,) = pixels.stream([rows])
    images = PREPROCESS.normalise(canvases.permute(0, 3, 1, 2))
    return Activations(values=change(images).contiguous().numpy(), rows=rows)


def both(n: int, batch_size: int, augmentation: Augmentation, seed: int, *, balanced: bool = False):
    """The training part as images, and as activations of every second sample."""
    pixels, rows = pixels_of(2 * n), np.arange(0, 2 * n, 2)
    common = {
        "rows": rows,
        "labels": np.arange(2 * n) % 5,
        "batch_size": batch_size,
        "device": CPU,
        "seed": seed,
        "augmentation": augmentation,
        "balanced": balanced,
    }
    images = TrainingBatches(pixels=pixels, preprocess=PREPROCESS, classes=5, **common)
    views = {
        False: kept(pixels, rows, lambda x: x),
        True: kept(pixels, rows, lambda x: x.flip(-1)),
    }
    return images, TrainingActivations(views=views, **common)


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(1, 30),
    batch_size=st.integers(1, 9),
    epoch=st.integers(1, 4),
    start=st.integers(0, 3),
    augmentation=st.sampled_from([PRESETS["none"], PRESETS["clothes"], TWICE]),
    balanced=st.booleans(),
)
def test_training_sees_what_it_would_see_of_images(
    n, batch_size, epoch, start, augmentation, balanced
):
    images, activations = both(n, batch_size, augmentation, seed=n, balanced=balanced)
    assert len(images) == len(activations)
    pairs = zip(
        images.epoch(epoch, start=start), activations.epoch(epoch, start=start), strict=True
    )
    for wanted, found in pairs:
        assert np.array_equal(wanted.indices, found.indices)
        assert torch.equal(wanted.targets, found.targets)
        assert torch.equal(wanted.images, found.images)
        assert found.images.is_contiguous(memory_format=torch.channels_last)


def test_about_half_are_mirrored() -> None:
    images, activations = both(400, 50, PRESETS["clothes"], seed=1)
    plain = activations.views[False]
    mirrored = sum(
        int((batch.images != plain.of(batch.indices)).flatten(1).any(1).sum())
        for batch in activations.epoch(1)
    )
    assert 150 < mirrored < 250
    assert len(images) == 8


def test_batches_of_other_parts_are_those_of_the_images() -> None:
    pixels, rows = pixels_of(11), np.array([1, 4, 5, 9, 10])
    batches = Batches(
        pixels=pixels,
        preprocess=PREPROCESS,
        rows=rows,
        labels=np.arange(11),
        batch_size=2,
        device=CPU,
    )
    fed = ActivationBatches(batches=batches, activations=kept(pixels, rows, lambda x: x))
    assert len(fed) == 3
    for wanted, found in zip(batches, fed, strict=True):
        assert np.array_equal(wanted.indices, found.indices)
        assert torch.equal(wanted.targets, found.targets)
        assert torch.equal(wanted.images, found.images)


def test_vectors_stay_vectors() -> None:
    rows = np.array([3, 7])
    values = np.arange(8, dtype=np.float32).reshape(2, 4)
    assert Activations(values=values, rows=rows).of(np.array([7, 3])).tolist() == [
        *([4, 5, 6, 7], [0, 1, 2, 3])
    ]


@pytest.mark.parametrize("row", [0, 5, 99])
def test_a_row_without_activation_is_refused(row: int) -> None:
    held = Activations(values=np.zeros((2, 4), dtype=np.float32), rows=np.array([3, 7]))
    with pytest.raises(ValueError, match="no activation"):
        held.of(np.array([3, row]))


def test_which_augmentations_only_mirror() -> None:
    assert {name for name, preset in PRESETS.items() if only_flips(preset)} == {"none", "clothes"}
    assert only_flips(TWICE)
    assert [mirrors(PRESETS[name]) for name in ("none", "clothes", "photos")] == [
        *(False, True, True)
    ]


def test_any_other_augmentation_is_refused() -> None:
    with pytest.raises(ValueError, match="photos does more than mirror"):
        both(4, 2, PRESETS["photos"], seed=0)
