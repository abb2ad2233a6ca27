"""Batches: order, completeness, positions, augmentation of the training part only."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nunbit
from nunbit.data.augment import PRESETS, Augmentation, CutMix, MixUp
from nunbit.data.augment.flips_and_shifts import HorizontalFlip
from nunbit.data.batches import Batches, TrainingBatches
from nunbit.data.pixels import ArrayPixels
from nunbit.data.preprocess import Preprocess

CPU = torch.device("cpu")


def make_pixels(n: int, channels: int = 1) -> ArrayPixels:
    preprocess = Preprocess(
        height=4, width=6, channels=channels, mean=(0.4,) * channels, std=(0.2,) * channels
    )
    rng = np.random.default_rng(n)
    array = rng.integers(0, 256, (n, 4, 6, channels)).astype(np.uint8)
    return ArrayPixels(array, reasons=("",) * n, preprocess=preprocess)


def make_training(n: int, batch_size: int, *, seed: int = 0, augmentation=PRESETS["none"]):
    pixels = make_pixels(n)
    return TrainingBatches(
        pixels=pixels,
        preprocess=pixels.preprocess,
        rows=np.arange(n),
        labels=np.arange(n) % 3,
        classes=3,
        batch_size=batch_size,
        device=CPU,
        seed=seed,
        augmentation=augmentation,
    )


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 12), epoch=st.integers(1, 5))
def test_an_epoch_holds_every_image_once_and_no_batch_of_one(n, batch_size, epoch) -> None:
    training = make_training(n, batch_size)
    batches = list(training.epoch(epoch))
    assert len(batches) == len(training)
    assert sorted(np.concatenate([b.indices for b in batches])) == list(range(n))
    sizes = [len(b.indices) for b in batches]
    assert all(len(b.images) == len(b.targets) == len(b.indices) for b in batches)
    if n > 1 and batch_size > 1:
        assert min(sizes) > 1
    for batch in batches:
        assert batch.targets.tolist() == (batch.indices % 3).tolist()


@settings(deadline=None, max_examples=40)
@given(start=st.integers(0, 6), epoch=st.integers(1, 3))
def test_an_epoch_entered_later_goes_on_as_from_its_start(start, epoch) -> None:
    training = make_training(40, 6, augmentation=PRESETS["photos"])
    whole = list(training.epoch(epoch))
    rest = list(training.epoch(epoch, start=start))
    assert len(rest) == len(whole) - start
    for one, other in zip(whole[start:], rest, strict=True):
        assert torch.equal(one.images, other.images)
        assert np.array_equal(one.indices, other.indices)


RARE = np.repeat([0, 1, 2], [30, 8, 2])


def make_balanced(batch_size: int = 7) -> TrainingBatches:
    return replace(
        make_training(len(RARE), batch_size, augmentation=PRESETS["photos"]),
        labels=RARE,
        balanced=True,
    )


def test_balanced_epochs_show_every_class_equally_often_and_its_images_in_turn() -> None:
    training = make_balanced()
    extra = set()
    for epoch in range(1, 9):
        batches = list(training.epoch(epoch))
        assert len(batches) == len(training)
        rows = np.concatenate([batch.indices for batch in batches])
        assert np.concatenate([batch.targets.numpy() for batch in batches]).tolist() == (
            RARE[rows].tolist()
        )
        counts = np.bincount(RARE[rows])
        assert sorted(counts) == [13, 13, 14]
        extra.add(int(counts.argmax()))
        for label in range(3):
            shown = np.bincount(rows, minlength=len(RARE))[label == RARE]
            assert shown.max() - shown.min() <= 1
    assert len(extra) > 1, "the class with one image more changes"


def test_a_balanced_epoch_entered_later_goes_on_as_from_its_start() -> None:
    whole, rest = list(make_balanced().epoch(2)), list(make_balanced().epoch(2, start=3))
    assert len(rest) == len(whole) - 3
    for one, other in zip(whole[3:], rest, strict=True):
        assert torch.equal(one.images, other.images)
        assert np.array_equal(one.indices, other.indices)


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        batches = make_training(30, 7, seed=seed).epoch(epoch)
        return [int(i) for batch in batches for i in batch.indices]

    orders = [order(0, 1), order(0, 2), order(1, 1)]
    assert order(0, 1) == orders[0]
    assert orders[0] != orders[1]
    assert orders[0] != orders[2]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_the_normalised_pixels_in_channels_last(channels: int) -> None:
    pixels = make_pixels(5, channels)
    batches = Batches(
        pixels=pixels,
        preprocess=pixels.preprocess,
        rows=np.array([3, 1, 4]),
        labels=np.zeros(5, dtype=np.int64),
        batch_size=2,
        device=CPU,
    )
    assert len(batches) == 2
    found = list(batches)
    assert [list(b.indices) for b in found] == [[3, 1], [4]]
    for batch in found:
        assert batch.images.is_contiguous(memory_format=torch.channels_last)
        for image, row in zip(batch.images, batch.indices, strict=True):
            wanted = (pixels.array[row].astype(np.float64) / 255 - 0.4) / 0.2
            np.testing.assert_allclose(image.permute(1, 2, 0).numpy(), wanted, rtol=1e-5, atol=1e-5)


def test_only_training_batches_are_augmented() -> None:
    always = Augmentation(
        name="mirror", assumption="", operations=(HorizontalFlip(probability=1.0),)
    )
    training = make_training(6, 6, augmentation=always)
    (augmented,) = training.epoch(1)
    plain = Batches(
        pixels=training.pixels,
        preprocess=training.preprocess,
        rows=augmented.indices,
        labels=training.labels,
        batch_size=6,
        device=CPU,
    )
    (as_it_is,) = plain
    assert torch.equal(augmented.images, as_it_is.images.flip(-1))
    assert not hasattr(plain, "augmentation")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("channels", [1, 3])
def test_validation_and_test_are_the_normalised_canvases_whatever_the_preset(
    preset: str, channels: int
) -> None:
    """Bit for bit, while the training part is augmented over the same pixels at the same time."""
    pixels = make_pixels(24, channels)
    before = pixels.array.copy()
    rows = {"train": np.arange(12), "validation": np.arange(12, 18), "test": np.arange(18, 24)}
    training = TrainingBatches(
        pixels=pixels,
        preprocess=pixels.preprocess,
        rows=rows["train"],
        labels=np.arange(24) % 3,
        classes=3,
        batch_size=4,
        device=CPU,
        seed=0,
        augmentation=PRESETS[preset],
    )
    augmented = training.epoch(1)
    for part in ("validation", "test"):
        batches = Batches(
            pixels=pixels,
            preprocess=pixels.preprocess,
            rows=rows[part],
            labels=np.arange(24) % 3,
            batch_size=4,
            device=CPU,
        )
        next(augmented)
        found = torch.cat([batch.images for batch in batches])
        canvases = torch.from_numpy(before[rows[part]]).permute(0, 3, 1, 2)
        assert torch.equal(found, pixels.preprocess.normalise(canvases))
    assert np.array_equal(pixels.array, before)


def test_nothing_but_training_batches_takes_an_augmentation() -> None:
    """Of all that the package defines; the configuration and the gallery only name one."""
    takers = {
        f"{module.__name__}.{name}"
        for module in every_module()
        for name, kind in vars(module).items()
        if isinstance(kind, type) and kind.__module__ == module.__name__
        if "augmentation" in getattr(kind, "__annotations__", {})
    }
    assert "nunbit.data.batches.TrainingBatches" in takers
    naming = ("nunbit.config.", "nunbit.reports.augmentation.")
    assert {taker for taker in takers if not taker.startswith(naming)} == {
        "nunbit.data.batches.TrainingBatches"
    }
    assert "augmentation" not in inspect.signature(Batches).parameters


def every_module() -> list[ModuleType]:
    found = pkgutil.walk_packages(nunbit.__path__, "nunbit.")
    return [importlib.import_module(item.name) for item in found if "__main__" not in item.name]


@pytest.mark.parametrize("mix", [MixUp(), CutMix()])
def test_mixed_batches_have_shares_of_classes_and_go_on_from_any_position(mix) -> None:
    mixing = Augmentation(name="mix", assumption="", operations=(HorizontalFlip(),), mixing=(mix,))
    training = make_training(30, 8, augmentation=mixing)
    whole = list(training.epoch(2))
    for batch in whole:
        assert (batch.targets.shape, batch.targets.dtype) == (
            (len(batch.indices), 3),
            torch.float32,
        )
        assert batch.targets.sum(dim=1).sub(1).abs().max() < 1e-6
    for one, other in zip(whole[2:], training.epoch(2, start=2), strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.targets, other.targets)
    assert any((batch.targets.amax(dim=1) < 1).any() for batch in whole)
