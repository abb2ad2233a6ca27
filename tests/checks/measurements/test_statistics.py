"""Counts and pixel statistics: exact against numpy, and each part for itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nunbit.checks.measurements.statistics import PART_NAMES, Statistics, StatisticsObserver
from nunbit.data.inspect import inspect
from nunbit.data.preprocess import Preprocess
from nunbit.data.sources import load_samples
from nunbit.data.storage import ImageArrays
from nunbit.progress import SILENT
from nunbit.types import Samples
from tests.checks.metadata.cases import fact, inspection_of
from tests.checks.metadata.cases import samples_of as files_of

Canvases = NDArray[np.uint8]


def samples_of(canvases: Canvases, labels: Sequence[int]) -> Samples:
    n = len(canvases)
    return Samples(
        name="test",
        location="a test",
        classes=("cat", "dog", "emu"),
        images=ImageArrays(array=canvases),
        paths=tuple(f"{i:04}" for i in range(n)),
        labels=np.array(labels, dtype=np.int64),
        parts=("",) * n,
        groups=("",) * n,
        reasons=("",) * n,
    )


def counted(
    canvases: Canvases, parts: Sequence[str], labels: Sequence[int] | None = None, batch: int = 3
) -> Statistics:
    n = len(canvases)
    observer = StatisticsObserver(parts=parts, channels=canvases.shape[3])
    for start in range(0, n, batch):
        rows = np.arange(start, min(start + batch, n))
        observer.observe(rows, canvases[rows])
    samples = samples_of(canvases, labels or [0] * n)
    return observer.statistics(samples, inspect(samples, workers=1, progress=SILENT))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Canvases, list[str]]:
    n, channels = draw(st.integers(1, 12)), draw(st.sampled_from([1, 3]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low, high = sorted(draw(st.tuples(st.integers(0, 255), st.integers(0, 255))))
    canvases = random.integers(low, high + 1, (n, 3, 4, channels), dtype=np.uint8)
    names = st.sampled_from(["train", "validation", "test", "excluded"])
    return canvases, draw(st.lists(names, min_size=n, max_size=n))


@given(cases(), st.integers(1, 5))
def test_every_part_is_exact(case: tuple[Canvases, list[str]], batch: int) -> None:
    canvases, parts = case
    if set(parts) == {"excluded"}:
        with pytest.raises(ValueError, match="no images"):
            counted(canvases, parts, batch=batch)
        return
    found = counted(canvases, parts, batch=batch)
    for name in PART_NAMES:
        chosen = [i for i, p in enumerate(parts) if name in (p, "all") and p != "excluded"]
        if not chosen:
            with pytest.raises(KeyError):
                found.part(name)
            continue
        part, pixels = found.part(name), canvases[chosen].reshape(-1, canvases.shape[3])
        assert part.images == len(chosen)
        for channel, values in enumerate(pixels.T):
            wide = values.astype(np.float64)
            assert part.histogram[channel].tolist() == np.bincount(values, minlength=256).tolist()
            assert part.mean[channel] == pytest.approx(wide.mean(), rel=1e-12)
            assert part.std[channel] == pytest.approx(wide.std(), rel=1e-9, abs=1e-9)
            assert (part.minimum[channel], part.maximum[channel]) == (values.min(), values.max())


@given(cases())
def test_scaled_numbers_are_those_of_the_scaled_pixels(case: tuple[Canvases, list[str]]) -> None:
    canvases, parts = case
    parts[0] = "train"
    found = counted(canvases, parts)
    for scaling in found.scalings:
        for part in found.parts:
            rows = [i for i, p in enumerate(parts) if part.name in (p, "all")]
            rows = [i for i in rows if parts[i] != "excluded"]
            pixels = canvases[rows].reshape(-1, canvases.shape[3]).astype(np.float64) / 255
            scaled = (pixels - scaling.mean) / scaling.std
            told = found.scaled(scaling, part.name)
            np.testing.assert_allclose(told.mean, scaled.mean(axis=0), atol=1e-9)
            np.testing.assert_allclose(told.std, scaled.std(axis=0), atol=1e-9)
            np.testing.assert_allclose(told.minimum, scaled.min(axis=0), atol=1e-9)
            np.testing.assert_allclose(told.maximum, scaled.max(axis=0), atol=1e-9)


def test_the_scalings_are_the_usual_ones_and_the_trainings_own() -> None:
    random = np.random.default_rng(0)
    canvases = random.integers(0, 256, (8, 5, 5, 3), dtype=np.uint8)
    canvases[4:] //= 8
    found = counted(canvases, ["train"] * 4 + ["test"] * 4)
    by_name = {scaling.name: scaling for scaling in found.scalings}
    assert list(by_name) == ["zero-one", "minus-one-one", "imagenet", "z-score"]
    ends = found.scaled(by_name["minus-one-one"], "train")
    assert (min(ends.minimum), max(ends.maximum)) == (-1, 1)
    assert by_name["imagenet"].mean == (0.485, 0.456, 0.406)
    assert by_name["imagenet"].std == (0.229, 0.224, 0.225)
    own = found.scaled(by_name["z-score"], "train")
    np.testing.assert_allclose(own.mean, 0, atol=1e-12)
    np.testing.assert_allclose(own.std, 1, atol=1e-12)
    assert max(found.scaled(by_name["z-score"], "test").mean) < -0.5
    assert "training part" in by_name["z-score"].title


def test_each_scaling_is_what_the_input_contract_computes() -> None:
    import torch

    random = np.random.default_rng(1)
    canvases = random.integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)
    found = counted(canvases, ["train"] * 4)
    for scaling in found.scalings:
        contract = Preprocess(height=6, width=5, channels=3, mean=scaling.mean, std=scaling.std)
        seen = contract.normalise(torch.from_numpy(canvases).permute(0, 3, 1, 2)).double()
        told = found.scaled(scaling, "train")
        np.testing.assert_allclose(told.mean, seen.mean(dim=(0, 2, 3)), atol=1e-5)
        np.testing.assert_allclose(told.std, seen.std(dim=(0, 2, 3), correction=0), rtol=1e-5)


def test_a_grey_image_takes_the_mean_of_imagenets_channels() -> None:
    found = counted(np.full((2, 2, 2, 1), 7, dtype=np.uint8), ["train", "test"])
    imagenet = next(s for s in found.scalings if s.name == "imagenet")
    assert imagenet.mean == (pytest.approx((0.485 + 0.456 + 0.406) / 3),)
    # A channel that never changes is divided by one grey level, not by zero.
    own = next(s for s in found.scalings if s.name == "z-score")
    assert own.std == (1 / 255,)
    assert found.part("train").std == (0,)


def test_the_edges_lie_around_the_values() -> None:
    found = counted(np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1), ["train"])
    for scaling in found.scalings:
        edges = scaling.edges(0)
        values = (np.arange(256) / 255 - scaling.mean[0]) / scaling.std[0]
        np.testing.assert_allclose((edges[:-1] + edges[1:]) / 2, values, atol=1e-12)


def test_without_a_training_part_all_images_give_the_z_score() -> None:
    found = counted(np.arange(32, dtype=np.uint8).reshape(2, 4, 4, 1), ["test", "test"])
    assert found.scalings[-1].title.endswith("of all images")
    assert [part.name for part in found.parts] == ["all", "test"]


def test_classes_and_sizes_are_counted() -> None:
    facts = [fact(30, 20), fact(30, 20), fact(10, 40), fact(50, 50), fact(9, 9)]
    samples = files_of([0, 1, 1, 2, 2])
    observer = StatisticsObserver(
        parts=["train", "train", "test", "validation", "excluded"], channels=1
    )
    observer.observe(np.arange(4), np.zeros((4, 2, 2, 1), dtype=np.uint8))
    found = observer.statistics(samples, inspection_of(samples, facts=facts))
    assert found.classes == {
        "cat": {"all": 1, "train": 1, "validation": 0, "test": 0},
        "dog": {"all": 2, "train": 1, "validation": 0, "test": 1},
        "emu": {"all": 1, "train": 0, "validation": 1, "test": 0},
    }
    assert (found.sizes.width.minimum, found.sizes.width.median) == (10, 30)
    assert (found.sizes.height.median, found.sizes.height.maximum) == (30, 50)
    assert found.sizes.aspect.minimum == 0.25
    assert (found.sizes.different, found.sizes.commonest[0]) == (3, (30, 20, 2))


def test_the_numbers_of_real_digits_go_through_json() -> None:
    samples = load_samples("digits")
    images: Any = samples.images
    parts = ["train" if row % 3 else "test" for row in range(len(samples))]
    observer = StatisticsObserver(parts=parts, channels=1)
    observer.observe(np.arange(len(samples)), images.array)
    found = observer.statistics(samples, inspect(samples, workers=1, progress=SILENT))
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    training = images.array[[part == "train" for part in parts]] / 255
    np.testing.assert_allclose(values["scaled"]["z-score"]["subtracted"], training.mean())
    np.testing.assert_allclose(values["scaled"]["z-score"]["divided_by"], training.std())
    assert sum(values["pixels"]["all"]["histogram"][0]) == images.array.size
    assert values["sizes"]["commonest"] == [[8, 8, 1797]]
