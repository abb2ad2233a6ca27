"""Operations that change values, against torchvision, kornia, colorsys and plain arithmetic."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from nunbit.data.augment.blur import Blur
from nunbit.data.augment.colour import hsv_to_rgb, rgb_to_hsv
from nunbit.data.augment.erasing import CoarseDropout, Erase
from nunbit.data.augment.photometric import (
    BrightnessContrast,
    BrightnessRange,
    ChannelShuffle,
    Clahe,
    ColourJitter,
    GaussianNoise,
    HueSaturationValue,
)
from nunbit.errors import ConfigError
from tests.data.augment.pictures import generator, noisy, smooth


def assert_same(ours: Tensor, theirs: Tensor, *, differing: float = 0.002) -> None:
    """One grey level apart at most, and that in few places, where float32 rounds otherwise."""
    distance = (ours.int() - theirs.int()).abs()
    assert int(distance.max()) <= 1
    assert distance.float().mean().item() <= differing


def each(drawn: tuple[Tensor, ...]) -> list[tuple[float, ...]]:
    """What was drawn, image by image."""
    return list(zip(*(values.tolist() for values in drawn), strict=True))


@pytest.mark.parametrize("channels", [1, 3])
def test_brightness_and_contrast_are_torchvision_s(channels: int) -> None:
    batch, operation = noisy(20, channels), BrightnessContrast(brightness=0.6, contrast=0.9)
    drawn = operation.sample_params(batch, generator())
    changed = operation.apply(batch, drawn)
    for image, result, (bright, contrast) in zip(batch, changed, each(drawn), strict=True):
        theirs = functional.adjust_contrast(functional.adjust_brightness(image, bright), contrast)
        assert_same(result, theirs, differing=0.01)


def test_brightness_range_is_torchvision_s() -> None:
    batch, operation = noisy(20), BrightnessRange(factor=(0, 3))
    drawn = operation.sample_params(batch, generator())
    for image, result, (factor,) in zip(
        batch, operation.apply(batch, drawn), each(drawn), strict=True
    ):
        assert_same(result, functional.adjust_brightness(image, factor))


@pytest.mark.parametrize("channels", [1, 3])
def test_colour_jitter_is_torchvision_s_in_the_drawn_order(channels: int) -> None:
    batch = noisy(30, channels)
    operation = ColourJitter(brightness=0.5, contrast=0.5, saturation=0.9, hue=0.5)
    order, *factors = drawn = operation.sample_params(batch, generator())
    changed = operation.apply(batch, drawn)
    steps = (
        functional.adjust_brightness,
        functional.adjust_contrast,
        functional.adjust_saturation,
        functional.adjust_hue,
    )
    for i, (image, result) in enumerate(zip(batch, changed, strict=True)):
        theirs = image
        for step in order[i].tolist():
            theirs = steps[step](theirs, factors[step][i].item())
        # A level of difference after one step may grow to more in those after it.
        distance = (result.int() - theirs.int()).abs().float()
        assert distance.mean().item() < 0.7
        assert distance.max().item() <= 8
    assert len({tuple(row) for row in order.tolist()}) > 10


def test_hue_saturation_and_value_by_colorsys() -> None:
    batch = noisy(6, 3, 5, 4)
    operation = HueSaturationValue(hue=0.5, saturation=0.5, value=0.5)
    drawn = operation.sample_params(batch, generator())
    changed = operation.apply(batch, drawn)
    for image, result, added in zip(batch, changed, each(drawn), strict=True):
        pixels = image.permute(1, 2, 0).reshape(-1, 3).tolist()
        for before, after in zip(
            pixels, result.permute(1, 2, 0).reshape(-1, 3).tolist(), strict=True
        ):
            h, s, v = colorsys.rgb_to_hsv(*(level / 255 for level in before))
            s, v = (min(max(old + new, 0), 1) for old, new in zip((s, v), added[1:], strict=True))
            wanted = colorsys.hsv_to_rgb((h + added[0]) % 1, s, v)
            assert after == pytest.approx([255 * level for level in wanted], abs=0.51)


def test_hsv_and_back_is_the_same_colour() -> None:
    colours = noisy(4).float() / 255
    grey = colours[:, :1].expand(-1, 3, -1, -1)
    for rgb in (colours, grey, torch.zeros_like(colours), torch.ones_like(colours)):
        assert torch.allclose(hsv_to_rgb(*rgb_to_hsv(rgb)), rgb, atol=1e-6)


def test_of_grey_images_only_brightness_is_changed() -> None:
    grey = noisy(8, channels=1)
    assert torch.equal(ChannelShuffle(probability=1.0)(grey, generator()), grey)
    neither = ColourJitter(brightness=0, contrast=0, saturation=0.9, hue=0.5)
    assert torch.equal(neither(grey, generator()), grey)
    operation = HueSaturationValue(hue=0.5, saturation=1, value=0.3)
    drawn = operation.sample_params(grey, generator())
    added = 255 * drawn[2][:, None, None, None]
    wanted = (grey + added).clamp(0, 255).round()
    assert torch.equal(operation.apply(grey, drawn).float(), wanted)


def test_channels_are_put_into_the_drawn_order_all_six_as_often() -> None:
    batch, operation = noisy(1200), ChannelShuffle(probability=1.0)
    (order,) = drawn = operation.sample_params(batch, generator())
    changed = operation.apply(batch, drawn)
    assert all(
        torch.equal(result, image[places])
        for image, result, places in zip(batch, changed, order, strict=True)
    )
    _, counts = order.unique(dim=0, return_counts=True)
    assert len(counts) == 6
    assert (counts - 200).abs().max() < 65  # five standard deviations


@pytest.mark.parametrize("size", [(40, 32), (13, 9)])
@pytest.mark.parametrize("channels", [1, 3])
def test_blur_is_torchvision_s(size: tuple[int, int], channels: int) -> None:
    batch, operation = noisy(10, channels, *size), Blur(deviation=(0.1, 2.5))
    drawn = operation.sample_params(batch, generator())
    kernel = 2 * operation.reach + 1
    for image, result, (deviation,) in zip(
        batch, operation.apply(batch, drawn), each(drawn), strict=True
    ):
        theirs = functional.gaussian_blur(image.float(), [kernel, kernel], [deviation, deviation])
        assert (result - theirs).abs().max().item() <= 0.51


def test_a_blur_wider_than_the_image_still_averages_it() -> None:
    changed = Blur(deviation=(40, 50))(noisy(3, 1, 4, 4), generator())
    assert (changed.float().std(dim=(1, 2, 3)) < 3).all()


def test_noise_is_added_as_drawn_and_cut_off() -> None:
    batch, operation = noisy(50), GaussianNoise(deviation=(0.0, 0.4))
    deviation, noise = drawn = operation.sample_params(batch, generator())
    wanted = batch.numpy() + 255 * deviation.numpy()[:, None, None, None] * noise.numpy()
    wanted = np.clip(np.rint(wanted), 0, 255)
    assert np.abs(operation.apply(batch, drawn).numpy() - wanted).max() <= 1
    assert abs(float(noise.mean())) < 0.05
    assert abs(float(noise.std()) - 1) < 0.02


def test_clahe_is_kornia_s_image_by_image() -> None:
    from kornia.color import lab_to_rgb, rgb_to_lab
    from kornia.enhance import equalize_clahe

    operation = Clahe(clip_limit=(1, 9), tiles=2)
    for batch in (smooth(18, 1), smooth(18, 3)):
        (step,) = drawn = operation.sample_params(batch, generator())
        changed = operation.apply(batch, drawn)
        assert len(step.unique()) > 4
        for image, result, k in zip(batch, changed, step.tolist(), strict=True):
            values, limit = image.float() / 255, 1.0 + k
            if len(image) == 1:
                theirs = equalize_clahe(values, limit, (2, 2))
            else:
                lab = rgb_to_lab(values)
                theirs = lab.clone()
                theirs[:1] = 100 * equalize_clahe(lab[:1] / 100, limit, (2, 2))
                theirs = lab_to_rgb(theirs)
            assert (result - 255 * theirs).abs().max().item() < 0.6


def test_small_images_are_one_tile_of_clahe() -> None:
    from kornia.enhance import equalize_clahe

    small = noisy(3, 1, 9, 12)
    theirs = equalize_clahe(small / 255, 4.0, (1, 1)) * 255
    assert (Clahe().equalise(small, 4.0) - theirs).abs().max() < 0.6


def test_clahe_without_kornia_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nunbit.data.augment.photometric.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="clahe needs kornia") as caught:
        Clahe()
    assert "nunbit[augment]" in caught.value.remedy


def test_erase_is_torchvision_s_with_the_mean() -> None:
    batch, operation = noisy(300, 3, 20, 15), Erase(probability=1.0, fraction=0.4)
    drawn = operation.sample_params(batch, generator())
    changed = operation.apply(batch, drawn)
    for image, result, place in zip(batch, changed, each(drawn), strict=True):
        top, left, height, width = map(int, place)
        assert height == width <= math.ceil(0.4 * 15)
        assert 0 <= top <= 20 - height
        assert 0 <= left <= 15 - width
        mean = image.float().mean(dim=(1, 2)).round().to(torch.uint8)
        theirs = functional.erase(image, top, left, height, width, mean[:, None, None])
        assert_same(result, theirs)


def test_coarse_dropout_is_torchvision_s_erase_for_each_hole() -> None:
    operation = CoarseDropout(holes=(2, 5), height=(0.1, 0.5), width=(0.05, 0.3), fill=99)
    batch = noisy(300, 3, 20, 30)
    drawn = operation.sample_params(batch, generator())
    changed = operation.apply(batch, drawn)
    counts = set()
    for image, result, rectangles in zip(batch, changed, each(drawn), strict=True):
        theirs, count = image, 0
        for top, left, height, width in zip(*rectangles, strict=True):
            if height == 0:
                continue
            count += 1
            assert (2 <= height <= 10, 1 <= width <= 9) == (True, True)
            assert (0 <= top <= 20 - height, 0 <= left <= 30 - width) == (True, True)
            value = torch.tensor(99, dtype=torch.uint8)
            theirs = functional.erase(theirs, int(top), int(left), int(height), int(width), value)
        assert torch.equal(result, theirs)
        counts.add(count)
    assert counts == {2, 3, 4, 5}
