"""Mean and standard deviation of the input contract come from the training part alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nunbit.checks.measurements.statistics import StatisticsObserver
from nunbit.data.dataset import Dataset
from nunbit.data.inspect import inspect
from nunbit.data.pixels import ArrayPixels
from nunbit.data.preprocess import Preprocess
from nunbit.data.storage import ImageArrays
from nunbit.pipelines.dataset import training_statistics
from nunbit.progress import SILENT
from nunbit.types import Samples, Split

PARTS = ("train", "validation", "test", "excluded")


def dataset_of(array: NDArray[np.uint8], parts: list[str]) -> Dataset:
    n, height, width, channels = array.shape
    samples = Samples(
        name="test",
        location="a test",
        classes=("cat", "dog"),
        images=ImageArrays(array=array),
        paths=tuple(f"{i:04}" for i in range(n)),
        labels=np.arange(n) % 2,
        parts=("",) * n,
        groups=("",) * n,
        reasons=("",) * n,
    )
    contract = Preprocess(
        height=height, width=width, channels=channels, mean=(0.0,) * channels, std=(1.0,) * channels
    )
    return Dataset(
        samples=samples,
        inspection=inspect(samples, workers=1, progress=SILENT),
        pixels=ArrayPixels(array, reasons=("",) * n, preprocess=contract),
        split=split_of(parts),
        preprocess=contract,
        device=torch.device("cpu"),
    )


def with_own_statistics(dataset: Dataset) -> Preprocess:
    return dataset.with_statistics(training_statistics(dataset)).preprocess


def split_of(parts: list[str]) -> Split:
    n = len(parts)
    return Split(
        paths=tuple(f"{i:04}" for i in range(n)),
        labels=("cat",) * n,
        parts=tuple(parts),
        groups=("",) * n,
        sha256=("",) * n,
        reasons=("",) * n,
    )


@given(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=12),
    st.sampled_from([1, 3]),
    st.integers(0, 2**32 - 1),
)
def test_other_parts_do_not_move_it(others: list[str], channels: int, seed: int) -> None:
    parts = ["train", *others]
    random = np.random.default_rng(seed)
    first = random.integers(0, 256, (len(parts), 4, 5, channels), dtype=np.uint8)
    second = random.integers(0, 256, first.shape, dtype=np.uint8)
    training = np.array(parts) == "train"
    second[training] = first[training]
    contract = with_own_statistics(dataset_of(first, parts))
    assert contract == with_own_statistics(dataset_of(second, parts))
    pixels = first[training].reshape(-1, channels) / 255
    np.testing.assert_allclose(contract.mean, pixels.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(contract.std, pixels.std(axis=0).clip(1 / 255), atol=1e-9)
    # A training image does move it.
    second[0] = 255 - second[0]
    if (second[training].sum(axis=(0, 1, 2)) != first[training].sum(axis=(0, 1, 2))).any():
        assert contract != with_own_statistics(dataset_of(second, parts))


def test_it_is_the_z_score_of_the_statistics_shown() -> None:
    random = np.random.default_rng(0)
    array = random.integers(0, 256, (30, 6, 6, 3), dtype=np.uint8)
    parts = ["train"] * 20 + ["validation"] * 5 + ["test"] * 5
    found = dataset_of(array, parts)
    observer = StatisticsObserver(parts=parts, channels=3)
    observer.observe(np.arange(30), array)
    shown = observer.statistics(found.samples, found.inspection).scalings[-1]
    contract = with_own_statistics(found)
    assert shown.name == "z-score"
    assert contract.mean == pytest.approx(shown.mean, rel=1e-12)
    assert contract.std == pytest.approx(shown.std, rel=1e-9)


def test_statistics_that_are_known_stay() -> None:
    array = np.arange(4 * 9, dtype=np.uint8).reshape(4, 3, 3, 1)
    found = dataset_of(array, ["train"] * 4)
    assert found.with_statistics(None) == found
