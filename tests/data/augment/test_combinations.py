"""Compose and one-of, RandAugment and TrivialAugment."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode, RandAugment, TrivialAugmentWide

from nunbit.data.augment import OPERATIONS, MixUp
from nunbit.data.augment import automatic as ours
from nunbit.data.augment.compose import Compose, OneOf
from nunbit.data.augment.erasing import Erase
from nunbit.data.augment.flips_and_shifts import HorizontalFlip, VerticalFlip
from nunbit.data.augment.photometric import BrightnessRange
from tests.data.augment.pictures import generator, noisy, smooth

NAMES = {
    "identity": "Identity",
    "shear-x": "ShearX",
    "shear-y": "ShearY",
    "translate-x": "TranslateX",
    "translate-y": "TranslateY",
    "rotate": "Rotate",
    "brightness": "Brightness",
    "colour": "Color",
    "contrast": "Contrast",
    "sharpness": "Sharpness",
    "posterise": "Posterize",
    "solarise": "Solarize",
    "auto-contrast": "AutoContrast",
    "equalise": "Equalize",
}
PAIRS = [
    pytest.param(OPERATIONS["rand-augment"], RandAugment, id="rand-augment"),
    pytest.param(OPERATIONS["trivial-augment"], TrivialAugmentWide, id="trivial-augment"),
]
FACTORS = ("brightness", "colour", "contrast", "sharpness")


def test_compose_is_its_operations_in_turn() -> None:
    parts = (HorizontalFlip(), Erase(), BrightnessRange())
    source, batch = generator(4), noisy()
    for part in parts:
        batch = part(batch, source)
    assert torch.equal(Compose(operations=parts)(noisy(), generator(4)), batch)


def test_one_of_takes_each_as_often_and_never_two() -> None:
    parts = tuple(kind(probability=1.0) for kind in (HorizontalFlip, VerticalFlip, BrightnessRange))
    batch = noisy(1200)
    changed = OneOf(operations=(*parts[:2], BrightnessRange(factor=(0, 0))))(batch, generator())
    wanted = {"h": batch.flip(-1), "v": batch.flip(-2), "dark": torch.zeros_like(batch)}
    same = {name: (changed == images).flatten(1).all(dim=1) for name, images in wanted.items()}
    counts = {name: int(matches.sum()) for name, matches in same.items()}
    assert sum(counts.values()) == 1200
    # Five standard deviations of 1200 draws with 1/3 are 82.
    assert all(abs(count - 400) < 82 for count in counts.values())


def test_the_chosen_one_keeps_its_own_probability() -> None:
    batch = noisy(1000)
    changed = OneOf(operations=(HorizontalFlip(probability=0.5),))(batch, generator())
    assert abs((changed != batch).flatten(1).any(dim=1).sum().item() - 500) < 80


@pytest.mark.parametrize("kind", [Compose, OneOf])
def test_combinations_reject_what_is_not_an_operation(kind: type) -> None:
    with pytest.raises(ValueError, match="operations is empty"):
        kind(operations=())
    with pytest.raises(ValueError, match="is not an operation on images"):
        kind(operations=(MixUp(),))


@pytest.mark.parametrize(("kind", "reference"), PAIRS)
def test_the_list_of_operations_is_torchvision_s(kind: type, reference: type) -> None:
    assert list(NAMES) == list(ours.CHANGES)
    assert sorted(NAMES.values()) == sorted(reference._AUGMENTATION_SPACE)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("kind", "reference"), PAIRS)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_operation_at_each_step_is_torchvision_s(
    kind: type, reference: type, name: str, channels: int
) -> None:
    """One batch holds all 31 steps with both signs; torchvision takes them one by one."""
    steps = torch.arange(31).repeat(2)
    signs = torch.ones(62, dtype=torch.int64)
    signs[31:] = -1
    batch = smooth(62, channels, 34, 46)
    which = torch.full_like(steps, list(NAMES).index(name))
    max_magnitudes = ours._RAND if reference is RandAugment else ours._TRIVIAL
    changed = ours._apply(batch, which, steps, signs, max_magnitudes=max_magnitudes)
    magnitudes, signed = reference._AUGMENTATION_SPACE[NAMES[name]]
    scale = magnitudes(31, 34, 46)
    levels, alike = 1 if name in FACTORS else 0, 0
    for image, result, step, sign in zip(batch, changed, steps, signs.tolist(), strict=True):
        magnitude = 0.0 if scale is None else float(scale[step]) * (sign if signed else 1)
        theirs = reference()._apply_image_or_video_transform(
            image, NAMES[name], magnitude, interpolation=InterpolationMode.NEAREST, fill={}
        )
        distance = (result.int() - theirs.int()).abs()
        alike += (distance > levels).float().mean().item() < 0.01
    # Shears by odd multiples of 0.04 (steps 4, 12, 20 and 28 of one list) show places midway
    # between two pixels: the nearest is a matter of rounding.
    # Factors such as 1.6 give whole levels, which float32 meets or just misses before it cuts off.
    assert alike >= (54 if name.startswith("shear") else 62)


def test_rand_augment_draws_every_operation_as_often_at_its_magnitude() -> None:
    operation = OPERATIONS["rand-augment"](count=3, magnitude=17)
    which, steps, signs = operation.sample_params(noisy(1400, 1, 2, 2), generator())
    assert which.shape == steps.shape == signs.shape == (1400, 3)
    assert (steps == 17).all()
    assert sorted(signs.unique().tolist()) == [-1, 1]
    counts = Counter(which.flatten().tolist())
    # 4200 draws of 14: five standard deviations of 300 are 83.
    assert set(counts) == set(range(14))
    assert all(abs(count - 300) < 83 for count in counts.values())
    assert abs(signs.float().mean().item()) < 0.08
    first, second = which[:, 0], which[:, 1]
    assert abs((first == second).float().mean().item() - 1 / 14) < 0.035


def test_trivial_augment_draws_every_operation_and_step_as_often() -> None:
    which, steps, signs = OPERATIONS["trivial-augment"]().sample_params(
        noisy(6200, 1, 2, 2), generator()
    )
    counts = Counter(steps.tolist())
    assert set(counts) == set(range(31))
    assert all(abs(count - 200) < 70 for count in counts.values())
    assert set(which.tolist()) == set(range(14))
    assert abs(signs.float().mean().item()) < 0.065


def test_rand_augment_is_its_steps_in_turn() -> None:
    operation, batch = OPERATIONS["rand-augment"](count=2, magnitude=20), smooth(20)
    drawn = operation.sample_params(batch, generator())
    once = ours._apply(batch, *(values[:, 0] for values in drawn), max_magnitudes=ours._RAND)
    twice = ours._apply(once, *(values[:, 1] for values in drawn), max_magnitudes=ours._RAND)
    assert torch.equal(operation.apply(batch, drawn), twice)
    assert not torch.equal(once, twice)
