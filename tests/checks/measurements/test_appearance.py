"""Measures against independent ones, and planted faults in digits and in pieces of photographs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, laplace
from sklearn.datasets import load_digits, load_sample_images

from nunbit.checks.context import Context
from nunbit.checks.finding import Finding
from nunbit.checks.measurements.appearance import (
    ONE_COLOUR,
    AppearanceObserver,
    brightness_and_sharpness,
)
from nunbit.checks.pixels.blur import Blur
from nunbit.checks.pixels.exposure import Exposure
from nunbit.checks.pixels.one_colour import OneColour
from nunbit.data.storage import ImageArrays
from nunbit.types import Samples
from tests.checks.metadata.cases import inspection_of

Canvases = NDArray[np.uint8]


def samples_of(count: int) -> Samples:
    return Samples(
        name="test",
        location="a test",
        classes=("a", "b"),
        images=ImageArrays(array=np.zeros((count, 1, 1, 1), dtype=np.uint8)),
        paths=tuple(f"{i:04}" for i in range(count)),
        labels=np.arange(count) % 2,
        parts=("",) * count,
        groups=("",) * count,
        reasons=("",) * count,
    )


def observed(canvases: Canvases, batch: int = 100) -> AppearanceObserver:
    observer = AppearanceObserver(len(canvases))
    for start in range(0, len(canvases), batch):
        rows = np.arange(start, min(start + batch, len(canvases)))
        observer.observe(rows, canvases[rows])
    return observer


def found(canvases: Canvases) -> dict[str, Finding]:
    return findings_of(observed(canvases), len(canvases))


def findings_of(observer: AppearanceObserver, count: int) -> dict[str, Finding]:
    samples = samples_of(count)
    context = Context(
        samples=samples,
        inspection=inspection_of(samples),
        reasons=samples.reasons,
        observers=(observer,),
    )
    return {f.kind: f for check in (OneColour(), Exposure(), Blur()) for f in check.run(context)}


@cache
def digits() -> Canvases:
    """[1797, 8, 8, 1]"""
    return np.asarray(load_digits().images * 255 / 16).round().astype(np.uint8)[..., None]


@cache
def pieces() -> Canvases:
    """[400, 48, 48, 3] pieces of two photographs, from all places and at several scales."""
    random = np.random.default_rng(0)
    cut = []
    for number in range(400):
        photo = load_sample_images_once()[number % 2]
        side = int(random.integers(96, 300))
        top, left = (int(random.integers(0, length - side)) for length in photo.shape[:2])
        piece = Image.fromarray(photo[top : top + side, left : left + side])
        cut.append(np.asarray(piece.resize((48, 48), Image.Resampling.BILINEAR)))
    return np.stack(cut)


@cache
def load_sample_images_once() -> list[Canvases]:
    return list(load_sample_images().images)


def as_pixels(values: NDArray[np.float64]) -> Canvases:
    return values.round().clip(0, 255).astype(np.uint8)


def blurred(image: Canvases) -> Canvases:
    return as_pixels(gaussian_filter(image.astype(np.float64), (1.5, 1.5, 0)))


FAULTS: dict[str, Callable[[Canvases], Canvases]] = {
    "too-dark": lambda image: as_pixels(0.12 * image),
    "too-bright": lambda image: as_pixels(255 - 0.12 * (255 - image.astype(np.float64))),
    "blurred": blurred,
    "one-colour": lambda image: np.full_like(image, image.mean().round()),
}


@pytest.mark.parametrize("data", [digits, pieces], ids=["digits", "photographs"])
@pytest.mark.parametrize("fault", list(FAULTS))
def test_planted_faults_are_found(fault: str, data: Callable[[], Canvases]) -> None:
    before = {kind: set(f.everything) for kind, f in found(data()).items()}
    canvases = data().copy()
    # The faults of the photographs themselves (a piece of white sky) are not counted here.
    faulty = {int(path) for paths in before.values() for path in paths}
    sound = [row for row in range(len(canvases)) if row not in faulty]
    planted = set(
        np.random.default_rng(1).choice(sound, len(canvases) // 50, replace=False).tolist()
    )
    for row in planted:
        canvases[row] = FAULTS[fault](canvases[row])
    findings = found(canvases)
    rows = {row for (row,) in findings[fault].groups} - faulty
    recall = len(rows & planted) / len(planted)
    precision = len(rows & planted) / len(rows)
    assert recall >= (0.85 if (fault, data) == ("blurred", pieces) else 1.0)
    assert precision == 1.0
    others = {int(path) for kind, f in findings.items() if kind != fault for path in f.everything}
    assert len(others & planted) == 0


def test_digits_as_they_are_have_no_fault() -> None:
    assert found(digits()) == {}


def test_few_of_the_pieces_of_photographs_are_called_faulty() -> None:
    faulty = {path for finding in found(pieces()).values() for path in finding.everything}
    assert len(faulty) <= 0.04 * len(pieces())


@pytest.mark.parametrize("kind", ["black", "white"])
def test_data_that_are_dark_or_bright_throughout_are_left_in_peace(kind: str) -> None:
    drawn = (digits() // 8).astype(np.uint8)  # no pixel above 31
    canvases = drawn if kind == "black" else 255 - drawn
    assert found(canvases) == {}


def test_an_image_lost_in_white_is_told_where_white_is_rare() -> None:
    random = np.random.default_rng(0)
    canvases = random.integers(30, 220, (100, 16, 16, 3), dtype=np.uint8)
    canvases[7, :10] = 255
    assert found(canvases)["too-bright"].everything == ("0007",)
    # Where one image in four has white paper around it, white belongs to the data.
    canvases[::4, :10] = 255
    assert "too-bright" not in found(canvases)


def test_a_smaller_kind_of_image_is_no_crowd_of_blurred_ones() -> None:
    canvases = digits().copy()
    for row in range(0, len(canvases), 6):
        canvases[row] = blurred(canvases[row])
    assert "blurred" not in found(canvases)


def test_what_a_finding_says() -> None:
    canvases = digits().copy()
    canvases[5] = 90
    canvases[9] = 0
    canvases[12] //= 10
    findings = found(canvases)
    flat = findings["one-colour"]
    assert (flat.severity, flat.count) == ("warning", 2)
    assert flat.title == "2 images show one colour only"
    assert flat.groups == ((5,), (9,))
    assert [(c.path, c.action, c.label) for c in flat.corrections] == [
        ("0005", "exclude", "b"),
        ("0009", "exclude", "b"),
    ]
    dark = findings["too-dark"]
    assert (dark.severity, dark.title) == ("note", "1 image is much darker than is usual here")
    assert "99 % of the pixels lie within 64 of 255 grey levels of black" in dark.why
    assert dark.corrections == ()


def test_a_handful_of_images_has_nothing_usual() -> None:
    canvases = digits()[:15].copy()
    canvases[3] //= 10
    assert found(canvases) == {}


def test_colours_of_one_grey_level_do_not_spoil_the_others() -> None:
    canvases = np.repeat(digits(), 3, axis=3)
    canvases[4] = (100, 100, 100)
    canvases[4, :4] = (120, 90, 100)
    canvases[8] = blurred(canvases[8])
    assert set(found(canvases)) == {"blurred"}
    assert found(canvases)["blurred"].everything == ("0008",)


def test_nothing_seen_is_nothing_found() -> None:
    assert findings_of(AppearanceObserver(5), 5) == {}


shapes = st.tuples(
    st.integers(1, 4), st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3])
)


@given(arrays(np.uint8, shapes))
def test_measures_agree_with_one_image_at_a_time(canvases: Canvases) -> None:
    seen = observed(canvases, batch=3).appearance
    for row, canvas in enumerate(canvases):
        spread = max(int(plane.max()) - int(plane.min()) for plane in np.moveaxis(canvas, 2, 0))
        assert seen.spread[row] == spread
        wide = canvas.astype(np.int64)
        grey = (
            wide[..., 0]
            if canvas.shape[2] == 1
            else (wide[..., 0] + 2 * wide[..., 1] + wide[..., 2] + 2) // 4
        )
        assert seen.brightness[row] == pytest.approx(grey.mean(), rel=1e-5)
        assert seen.contrast[row] == pytest.approx(grey.std(), rel=1e-4, abs=1e-3)
        assert seen.black[row] == pytest.approx((grey <= 5).mean())
        assert seen.white[row] == pytest.approx((grey >= 250).mean())
        assert seen.shadows[row] == np.percentile(grey, 1, method="lower")
        assert seen.highlights[row] == np.percentile(grey, 99, method="higher")
        if spread > ONE_COLOUR and min(grey.shape) >= 3 and grey.var() > 0:
            energy = np.square(laplace(grey)[1:-1, 1:-1]).mean()
            assert seen.sharpness[row] == pytest.approx(energy / grey.var(), rel=1e-3)
        if spread <= ONE_COLOUR or grey.var() == 0:
            assert np.isnan(seen.sharpness[row])


@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_batches_and_order_do_not_matter(batch: int, seed: int) -> None:
    canvases = digits()[:60]
    whole = observed(canvases).appearance
    shuffled = AppearanceObserver(60)
    order = np.random.default_rng(seed).permutation(60)
    for start in range(0, 60, batch):
        rows = order[start : start + batch]
        shuffled.observe(rows, canvases[rows])
    for name in whole.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(whole, name), getattr(shuffled.appearance, name))


def test_rows_that_were_not_seen_have_no_measures() -> None:
    observer = AppearanceObserver(10)
    observer.observe(np.array([2, 5]), digits()[:2])
    assert observer.appearance.seen.tolist() == [2, 5]
    assert np.isnan(observer.appearance.contrast[[0, 1, 9]]).all()


def test_large_canvases_are_taken_in_steps() -> None:
    random = np.random.default_rng(0)
    canvases = random.integers(0, 256, (3, 1500, 1400, 1), dtype=np.uint8)
    seen = observed(canvases).appearance
    np.testing.assert_allclose(seen.brightness, canvases.mean(axis=(1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(seen.highlights, 252, atol=2)  # of every hundredth pixel or so


@pytest.mark.parametrize("canvases", [digits, pieces])
def test_two_measures_alone_are_the_same(canvases: Callable[[], Canvases]) -> None:
    some = canvases()[:50].copy()
    some[0] = 77
    brightness, sharpness = brightness_and_sharpness(some)
    all_of_them = observed(some).appearance
    np.testing.assert_allclose(brightness, all_of_them.brightness, rtol=1e-5)
    np.testing.assert_allclose(sharpness, all_of_them.sharpness, rtol=1e-5)
    assert np.isnan(sharpness[0])
