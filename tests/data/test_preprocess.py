from __future__ import annotations

import contextlib
import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile
from sklearn.datasets import load_sample_image

from nunbit.data.decoding import LARGEST_MAX_PIXELS, decode
from nunbit.data.preprocess import Fit, Preprocess
from nunbit.errors import ConfigError, UnusableImage
from tests.data.odd_images import (
    HEIGHT,
    WIDTH,
    OddImage,
    encoded,
    odd_images,
    picture,
)

ODD = {odd.name: odd for odd in odd_images()}


NEAREST = {"interpolation": "nearest"}  # the others look beyond the cut


def contract(
    height: int = HEIGHT, width: int = WIDTH, channels: Any = 3, **more: Any
) -> Preprocess:
    statistics = {"mean": (0.5,) * channels, "std": (0.25,) * channels}
    values = {"height": height, "width": width, "channels": channels, **statistics, **more}
    return Preprocess(**values)


def quarters(canvas: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    h, w = canvas.shape[:2]
    rows, columns = [h // 4, h // 4, 3 * h // 4, 3 * h // 4], [w // 4, 3 * w // 4] * 2
    return canvas[rows, columns].astype(int)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_every_odd_kind_follows_its_policy(odd: OddImage) -> None:
    if odd.reason:
        with pytest.raises(UnusableImage) as refusal:
            contract().canvas(odd.data)
        assert refusal.value.what.startswith(odd.reason)
        return
    canvas = contract().canvas(odd.data)
    assert canvas.shape == (HEIGHT, WIDTH, 3)
    assert canvas.dtype == np.uint8
    assert np.abs(quarters(canvas) - np.array(odd.quarters)).max() <= odd.tolerance


@pytest.mark.parametrize("odd", [o for o in ODD.values() if not o.reason], ids=lambda o: o.name)
def test_grey_contract_takes_the_luma_of_every_usable_kind(odd: OddImage) -> None:
    canvas = contract(channels=1).canvas(odd.data)
    luma = np.array(odd.quarters) @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert canvas.shape == (HEIGHT, WIDTH, 1)
    assert np.abs(quarters(canvas)[:, 0] - luma).max() <= odd.tolerance + 1


def test_odd_kinds_survive_a_resize_and_a_turn_together() -> None:
    canvas = contract(20, 24, fit="squash").canvas(ODD["exif_6.jpg"].data)
    assert np.abs(quarters(canvas) - np.array(ODD["exif_6.jpg"].quarters)).max() <= 4


@pytest.mark.parametrize("background", [0, 100, 255])
def test_transparency_shows_the_background(background: int) -> None:
    grey = Image.new("RGBA", (8, 8), (200, 100, 0, 51))
    canvas = contract(8, 8, background=background).canvas(encoded(grey, "PNG"))
    expected = np.array([200, 100, 0]) * 0.2 + background * 0.8
    assert np.abs(canvas.astype(float) - expected).max() <= 1


def test_sixteen_bits_are_scaled_over_the_full_range_and_rounded() -> None:
    wide = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    canvas = contract(64, 64, 1).canvas(encoded(Image.fromarray(wide), "PNG"))
    np.testing.assert_array_equal(canvas[..., 0], np.floor(wide / 257 + 0.5).astype(np.uint8))


def test_crop_keeps_the_centre() -> None:
    bands = np.zeros((10, 40, 3), dtype=np.uint8)
    bands[:, 15:25] = (10, 200, 30)
    canvas = contract(10, 10, fit="crop").canvas_from_array(bands)
    assert (canvas == (10, 200, 30)).all()


def test_pad_keeps_everything_and_fills_with_the_background() -> None:
    red = np.full((10, 20, 3), (250, 0, 0), dtype=np.uint8)
    canvas = contract(20, 20, fit="pad", background=7).canvas_from_array(red)
    assert (canvas[5:15] == (250, 0, 0)).all()
    assert (canvas[:5] == 7).all()
    assert (canvas[15:] == 7).all()


def test_squash_scales_both_sides() -> None:
    halves = np.zeros((12, 40, 1), dtype=np.uint8)
    halves[:, 20:] = 255
    canvas = contract(6, 10, 1, fit="squash", interpolation="nearest").canvas_from_array(halves)
    assert (canvas[:, :5] == 0).all()
    assert (canvas[:, 5:] == 255).all()


@pytest.mark.parametrize("fit", ["crop", "squash"])
def test_the_margins_outside_the_crop_share_are_cut_off(fit: Fit) -> None:
    """Of 40 x 40 pixels the inner 30 are kept at a share of 0.75, whatever stands around them."""
    framed = np.full((40, 40, 1), 255, dtype=np.uint8)
    framed[5:35, 5:35] = 60
    canvas = contract(10, 10, 1, fit=fit, crop_share=0.75, **NEAREST).canvas_from_array(framed)
    assert (canvas == 60).all()
    assert (contract(10, 10, 1, fit=fit).canvas_from_array(framed)[0] > 60).all()


def test_the_crop_share_holds_for_images_of_the_canvas_size_too() -> None:
    framed = np.full((40, 40, 1), 255, dtype=np.uint8)
    framed[5:35, 5:35] = 60
    canvas = contract(40, 40, 1, crop_share=0.75, **NEAREST).canvas_from_array(framed)
    assert (canvas == 60).all()


def test_of_an_oblong_image_the_share_is_of_the_shorter_side() -> None:
    stripes = np.zeros((40, 100, 1), dtype=np.uint8)
    stripes[:, 35:65] = 200  # the inner 30 of 40 squared, around the middle of the width
    canvas = contract(15, 15, 1, crop_share=0.75, **NEAREST).canvas_from_array(stripes)
    assert (canvas == 200).all()


def test_reduction_is_antialiased_except_nearest() -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    for interpolation in ("bilinear", "bicubic", "lanczos"):
        smooth = contract(8, 8, 1, interpolation=interpolation).canvas_from_array(board)
        assert np.abs(smooth.astype(int) - 127).max() <= 4, interpolation
    nearest = contract(8, 8, 1, interpolation="nearest").canvas_from_array(board)
    assert set(np.unique(nearest)) <= {0, 255}


sizes = st.integers(1, 50)


@given(
    source=st.tuples(sizes, sizes, st.sampled_from([1, 3])),
    target=st.tuples(sizes, sizes, st.sampled_from([1, 3])),
    fit=st.sampled_from(["crop", "pad", "squash"]),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"]),
    value=st.integers(0, 255),
)
def test_any_size_becomes_a_canvas_and_plain_colour_stays(
    source: tuple[int, int, int],
    target: tuple[int, int, int],
    fit: str,
    interpolation: str,
    value: int,
) -> None:
    plain = np.full(source, value, dtype=np.uint8)
    wanted = contract(*target, fit=fit, interpolation=interpolation, background=value)
    canvas = wanted.canvas_from_array(plain)
    assert canvas.shape == target
    assert (canvas == value).all()
    assert canvas.flags.c_contiguous


def test_a_line_of_one_pixel_can_be_padded() -> None:
    line = np.zeros((1, 3000, 1), dtype=np.uint8)
    canvas = contract(16, 16, 1, fit="pad").canvas_from_array(line)
    assert (canvas == 0).sum() == 16


@given(seed=st.integers(0, 2**16), odd=st.sampled_from(list(ODD.values())), cut=st.booleans())
def test_damaged_bytes_give_a_canvas_or_a_reason(seed: int, odd: OddImage, cut: bool) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(odd.data)
    for position in rng.integers(0, max(1, len(data)), size=5 if data else 0):
        data[position] = rng.integers(256)
    if cut:
        data = data[: int(rng.integers(0, len(data) + 1))]
    # A flipped size field may ask for any size, so the limit keeps this test small.
    wanted = contract(8, 8, max_pixels=1_000_000)
    with contextlib.suppress(UnusableImage):
        assert wanted.canvas(bytes(data)).shape == (8, 8, 3)


def test_files_and_arrays_give_the_same_canvas() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)
    for fit in ("crop", "pad", "squash"):
        wanted = contract(32, 24, fit=fit)
        from_file = wanted.canvas(encoded(Image.fromarray(pixels), "PNG"))
        np.testing.assert_array_equal(from_file, wanted.canvas_from_array(pixels))


def test_reduced_jpeg_decoding_stays_near_decoding_in_full() -> None:
    photo = Image.fromarray(load_sample_image("china.jpg")).resize((1600, 1067))
    data = encoded(photo, "JPEG", quality=90)
    wanted = contract(96, 96)
    assert decode(data, max_pixels=10**8, background=0, enough=(288, 288)).size == (800, 534)
    full = np.asarray(decode(data, max_pixels=10**8, background=0))
    difference = np.abs(wanted.canvas(data).astype(int) - wanted.canvas_from_array(full))
    assert difference.mean() < 1.0
    assert np.percentile(difference, 99) <= 8


def test_the_limit_of_pixels_is_the_contracts_own() -> None:
    data = encoded(Image.new("L", (100, 50)), "PNG")
    assert contract(8, 8, max_pixels=5000).canvas(data).shape == (8, 8, 3)
    with pytest.raises(UnusableImage, match="enormous: 100 × 50 pixels, the limit is 4,999"):
        contract(8, 8, max_pixels=4999).canvas(data)


def test_wrong_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="must be uint8 or uint16, not float64"):
        contract().canvas_from_array(np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match=r"must be \[h, w, 1 or 3\], not \(4, 4, 2\)"):
        contract().canvas_from_array(np.zeros((4, 4, 2), dtype=np.uint8))


def test_decoding_leaves_the_process_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    wanted = contract(8, 8)
    # Pillow warns of the size of this one, which the contract allows.
    large = encoded(Image.new("1", (10_000, 9_500)), "PNG")

    def work(number: int) -> str:
        data = [large, ODD["truncated.jpg"].data, ODD["exif_broken.jpg"].data][number % 3]
        try:
            wanted.canvas(data)
        except UnusableImage as refusal:
            return refusal.what.split(":")[0]
        return "decoded"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(work, range(12)))
    assert outcomes == ["decoded", "truncated", "decoded"] * 4
    assert limit == Image.MAX_IMAGE_PIXELS
    assert list(warnings.filters) == filters
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_pillows_warnings_are_shown_to_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for odd in ODD.values():
            try:
                contract(8, 8).canvas(odd.data)
            except UnusableImage:
                continue
    assert caught == []
    assert capsys.readouterr() == ("", "")


def images_of(canvases: np.ndarray[Any, Any]) -> torch.Tensor:
    return torch.from_numpy(canvases).permute(0, 3, 1, 2)


@pytest.mark.parametrize("channels", [1, 3])
def test_normalise_is_the_formula_and_keeps_the_memory_format(channels: int) -> None:
    rng = np.random.default_rng(0)
    canvases = rng.integers(0, 256, (5, 6, 7, channels), dtype=np.uint8)
    mean, std = (0.3, 0.5, 0.7)[:channels], (0.2, 0.25, 0.3)[:channels]
    wanted = replace(contract(6, 7, channels), mean=mean, std=std)
    expected = ((canvases / 255 - np.array(mean)) / np.array(std)).transpose(0, 3, 1, 2)
    strided = images_of(canvases)
    for pixels in (strided, strided.contiguous()):
        images = wanted.normalise(pixels)
        assert images.dtype == torch.float32
        assert images.stride() == pixels.stride()
        np.testing.assert_allclose(images.numpy(), expected, atol=2e-6)
    np.testing.assert_array_equal(strided.permute(0, 2, 3, 1).numpy(), canvases)


@given(mean=st.floats(-3, 3), std=st.floats(0.01, 100), channels=st.sampled_from([1, 3]))
def test_denormalise_is_the_exact_inverse_for_every_grey_value(
    mean: float, std: float, channels: int
) -> None:
    wanted = replace(contract(16, 16, channels), mean=(mean,) * channels, std=(std,) * channels)
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(channels, axis=3)
    back = wanted.denormalise(wanted.normalise(images_of(values)))
    assert back.dtype == torch.uint8
    np.testing.assert_array_equal(back.numpy(), values)


def test_denormalise_clips_what_is_no_picture() -> None:
    back = contract(1, 2, 1).denormalise(torch.tensor([[[[-100.0, 100.0]]]]))
    assert back.flatten().tolist() == [0, 255]


def test_normalise_first_called_in_inference_mode_serves_gradients_later() -> None:
    wanted = replace(contract(2, 2, 1), mean=(0.123,))
    pixels = torch.ones((1, 1, 2, 2), dtype=torch.uint8)
    with torch.inference_mode():
        wanted.normalise(pixels)
    weight = torch.ones(1, requires_grad=True)
    (wanted.normalise(pixels) * weight).sum().backward()
    assert weight.grad is not None


def test_json_round_trip() -> None:
    wanted = contract(12, 34, 3, fit="pad", interpolation="lanczos", background=0, max_pixels=999)
    wanted = replace(wanted, range=(-100.0, 300.5), frame="mean", decoding="full")
    back = Preprocess.from_dict(json.loads(json.dumps(wanted.to_dict())))
    assert back == wanted
    assert back.canvas_key == wanted.canvas_key
    assert hash(back) == hash(wanted)


def test_wrong_dictionaries_are_refused() -> None:
    values = contract().to_dict()
    with pytest.raises(ConfigError) as unknown:
        Preprocess.from_dict({**values, "heigth": 3})
    assert unknown.value.what == "unknown key in the input contract: heigth"
    assert unknown.value.remedy == "did you mean height?"
    with pytest.raises(ConfigError, match="the input contract lacks height, std"):
        Preprocess.from_dict({k: v for k, v in values.items() if k not in ("height", "std")})
    with pytest.raises(ConfigError, match="wrong type in the input contract"):
        Preprocess.from_dict({**values, "mean": None})
    with pytest.raises(ConfigError, match="wrong type in the input contract"):
        Preprocess.from_dict({**values, "std": ["a", "b", "c"]})


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("height", 0, "a whole number of pixels, at least 1"),
        ("width", 2.5, "a whole number of pixels, at least 1"),
        ("channels", 4, "1 (grey) or 3 (RGB)"),
        ("fit", "stretch", "one of crop, pad, squash"),
        ("interpolation", "area", "one of nearest, bilinear, bicubic, lanczos"),
        ("mean", (0.5,), "one finite number per channel"),
        ("mean", (0.5, float("nan"), 0.5), "one finite number per channel"),
        ("std", (0.5, 0.0, 0.5), "one positive number per channel"),
        ("crop_share", 0.0, "more than 0, at most 1; always 1 for the fit pad"),
        ("crop_share", 1.5, "more than 0, at most 1; always 1 for the fit pad"),
        ("background", 256, "a whole number from 0 (black) to 255 (white)"),
        ("max_pixels", LARGEST_MAX_PIXELS + 1, "a whole number from 1 to 178,956,970"),
        ("frame", "last", "one of first, middle, max, mean"),
        ("range", (5.0, 5.0), "full, or two finite numbers, of which the second is larger"),
        ("range", "auto", "full, or two finite numbers, of which the second is larger"),
        ("decoding", "half", "reduced or full"),
        ("transparency", "hide", "show or ignore"),
    ],
)
def test_impossible_values_are_refused(name: str, value: Any, remedy: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        replace(contract(), **{name: value})
    assert refusal.value.what == f"impossible value in the input contract: {name} = {value!r}"
    assert refusal.value.remedy == remedy


def test_canvas_key_changes_with_whatever_shapes_a_canvas() -> None:
    one = contract()
    others = [
        replace(one, height=31),
        replace(one, width=41),
        contract(channels=1),
        replace(one, fit="pad"),
        replace(one, interpolation="bicubic"),
        replace(one, background=0),
        replace(one, crop_share=0.875),
        replace(one, max_pixels=5),
        replace(one, range=(0.0, 4095.0)),
        replace(one, frame="max"),
        replace(one, decoding="full"),
        replace(one, transparency="ignore"),
    ]
    assert len({p.canvas_key for p in (one, *others)}) == len(others) + 1
    assert one.with_statistics([0.1, 0.2, 0.3], [1, 1, 1]).canvas_key == one.canvas_key
    assert one.with_statistics([0.1, 0.2, 0.3], [1, 1, 1]).std == (1.0, 1.0, 1.0)


def test_alpha_of_every_strength_matches_the_formula() -> None:
    layer = picture()
    alpha = np.linspace(0, 255, WIDTH * HEIGHT).astype(np.uint8).reshape(HEIGHT, WIDTH)
    layer.putalpha(Image.fromarray(alpha))
    canvas = contract(background=30).canvas(encoded(layer, "PNG")).astype(float)
    share = alpha[..., None] / 255
    expected = np.asarray(picture()) * share + 30 * (1 - share)
    assert np.abs(canvas - expected).max() <= 1
