"""What holds of every operation: shape, type, memory, independence, and where chance comes from."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nunbit.data.augment import COMBINATIONS, MIXINGS, OPERATIONS, Operation
from nunbit.data.augment.parameters import ChoiceRule, NumberRule, SpanRule, rules
from tests.data.augment.pictures import every_operation, generator, noisy

EVERY = every_operation()
COURSE = [
    "horizontal-flip",
    "vertical-flip",
    "rotation",
    "random-rotation-90",
    "shift-scale-rotate",
    "crop",
    "centre-crop",
    "resize",
    "random-resized-crop",
    "brightness-contrast",
    "hue-saturation-value",
    "colour-jitter",
    "channel-shuffle",
    "gaussian-noise",
    "clahe",
    "blur",
    "coarse-dropout",
    "compose",
    "one-of",
    "width-shift",
    "height-shift",
    "zoom",
    "brightness-range",
    "shift",
    "affine",
    "erase",
    "rand-augment",
    "trivial-augment",
    "mix-up",
    "cut-mix",
]
DETERMINED = {"horizontal-flip", "vertical-flip", "centre-crop"}
"""Nothing but whether they happen is left to chance."""
MOVING = {
    *("horizontal-flip", "vertical-flip", "random-rotation-90", "shift", "width-shift"),
    *("height-shift", "rotation", "zoom", "affine", "shift-scale-rotate", "crop", "centre-crop"),
    *("resize", "random-resized-crop", "blur", "erase", "channel-shuffle"),
}
"""Operations that show nothing but what the image holds, or its mean."""
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FORMATS = [torch.contiguous_format, torch.channels_last]
SHAPES = [(1, 1, 8, 8), (5, 3, 12, 7), (2, 1, 1, 1), (3, 3, 1, 6), (4, 3, 2, 2)]


def half(operation: Operation) -> Operation:
    return dataclasses.replace(operation, probability=0.5)


def test_the_names_are_the_course_s() -> None:
    assert sorted({**OPERATIONS, **COMBINATIONS, **MIXINGS}) == sorted(COURSE)
    assert all(kind.name == name for name, kind in OPERATIONS.items())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("layout", FORMATS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", EVERY)
def test_shape_type_and_memory_stay_and_the_input_is_not_changed(
    name: str, shape: tuple[int, ...], layout: torch.memory_format, device: str
) -> None:
    before = noisy(*shape).to(device).contiguous(memory_format=layout)
    kept = before.clone()
    for operation in (EVERY[name], half(EVERY[name])):
        after = operation(before, generator(0, device))
        assert (after.shape, after.dtype, after.device) == (
            before.shape,
            torch.uint8,
            before.device,
        )
        assert after.is_contiguous(memory_format=layout)
        assert torch.equal(before, kept)


@pytest.mark.parametrize("name", EVERY)
def test_a_view_of_pixels_stored_channels_last_is_taken_as_it_comes(name: str) -> None:
    stored = noisy(6).permute(0, 2, 3, 1).contiguous()
    after = EVERY[name](stored.permute(0, 3, 1, 2), generator(3))
    assert torch.equal(after, EVERY[name](noisy(6), generator(3)))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", EVERY)
def test_the_generator_alone_decides(name: str, device: str) -> None:
    batch = noisy().to(device)
    results = []
    for global_seed, seed in ((0, 3), (1, 3), (0, 4)):
        torch.manual_seed(global_seed)
        state = torch.get_rng_state()
        results.append(half(EVERY[name])(batch, generator(seed, device)))
        assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", sorted(set(EVERY) - DETERMINED))
def test_equal_images_of_a_batch_are_changed_differently(name: str, channels: int) -> None:
    same = noisy(1, channels, 20, 16).expand(64, -1, -1, -1)
    changed = EVERY[name](same, generator())
    different = len({tuple(image.flatten().tolist()) for image in changed})
    assert different > 1 or (name, channels) == ("channel-shuffle", 1)


@pytest.mark.parametrize("name", EVERY)
def test_what_happens_to_one_image_says_nothing_of_its_neighbour(name: str) -> None:
    """Whether images 2i and 2i + 1 are changed are independent coins."""
    batch = noisy(1, 3).expand(2000, -1, -1, -1)
    changed = (half(EVERY[name])(batch, generator()) != batch).flatten(1).any(dim=1)
    pairs = changed.view(-1, 2).float()
    each = pairs.mean().item()
    both = pairs.prod(dim=1).mean().item()
    # Of 1000 pairs, the standard error of the share of both is at most 0.016.
    assert abs(both - each * each) < 0.065
    assert 0.2 < each < 0.57


@pytest.mark.parametrize("name", EVERY)
def test_probability_0_changes_nothing_and_draws_nothing(name: str) -> None:
    source = generator()
    before = source.get_state()
    never = dataclasses.replace(EVERY[name], probability=0.0)
    assert torch.equal(never(noisy(), source), noisy())
    assert torch.equal(source.get_state(), before)


def test_where_counting_is_slow_the_same_images_are_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The way of other devices, on this one: every image is changed, and the chosen are taken."""
    batch = noisy()
    picked = OPERATIONS["horizontal-flip"](probability=0.4)(batch, generator())
    monkeypatch.setattr("nunbit.data.augment.operation._indexing_is_cheap", lambda images: False)
    assert torch.equal(OPERATIONS["horizontal-flip"](probability=0.4)(batch, generator()), picked)
    for operation in EVERY.values():
        after = half(operation)(batch.contiguous(memory_format=torch.channels_last), generator())
        assert (after.shape, after.dtype) == (batch.shape, torch.uint8)
        assert after.is_contiguous(memory_format=torch.channels_last)
        unchanged = (after == batch).flatten(1).all(dim=1).sum().item()
        assert 15 <= unchanged < 64


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (9, 16)])
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_farthest_parameters_are_possible(name: str, size: tuple[int, int]) -> None:
    kind = OPERATIONS[name]
    for parameter, rule in rules(kind).items():
        values: list[object] = []
        if isinstance(rule, ChoiceRule):
            values += rule.options
        elif isinstance(rule, SpanRule):
            least, most = rule.each.min_value, rule.each.max_value
            values += [(least, least), (least, most), (most, most)]
        else:
            assert isinstance(rule, NumberRule)
            values += [rule.min_value, rule.max_value]
        for value in values:
            operation = kind(**{parameter: value})
            for channels in (1, 3):
                batch = noisy(3, channels, *size)
                after = operation(batch, generator())
                assert (after.shape, after.dtype) == (batch.shape, torch.uint8)


@settings(max_examples=150)
@given(
    name=st.sampled_from(sorted(EVERY)),
    batch=st.integers(1, 6),
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    level=st.integers(0, 255),
    seed=st.integers(0, 2**63 - 1),
)
def test_a_flat_image_stays_flat_where_nothing_but_places_changes(
    name: str, batch: int, channels: int, height: int, width: int, level: int, seed: int
) -> None:
    """Whatever the size, no operation that moves pixels invents a grey level."""
    flat = torch.full((batch, channels, height, width), level, dtype=torch.uint8)
    after = EVERY[name](flat, generator(seed))
    assert (after.shape, after.dtype) == (flat.shape, torch.uint8)
    if name in MOVING:
        assert torch.equal(after, flat)


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"rand-augment", "trivial-augment", "one-of"}))
def test_a_probability_is_the_share_of_changed_images(name: str) -> None:
    batch = noisy(1, 3, 16, 16).expand(2000, -1, -1, -1)
    always = _changed(EVERY[name](batch, generator(5)), batch)
    sometimes = _changed(
        dataclasses.replace(EVERY[name], probability=0.3)(batch, generator()), batch
    )
    # Five standard deviations of 2000 coins that fall with 0.3.
    assert abs(sometimes / always - 0.3) < 0.055


def _changed(after: Tensor, before: Tensor) -> float:
    return (after != before).flatten(1).any(dim=1).float().mean().item()


@pytest.mark.parametrize("name", [name for name in EVERY if hasattr(EVERY[name], "draw")])
def test_an_image_is_changed_alike_in_a_batch_and_alone(name: str) -> None:
    """Nothing leaks between images: with a batch of one the same numbers give the same result."""
    alone, pair = noisy(1), torch.cat((noisy(1), 255 - noisy(1)))
    operation = EVERY[name]
    drawn = operation.sample_params(pair, generator())
    together = operation.apply(pair, drawn)
    single = operation.apply(alone, tuple(values[:1] for values in drawn))
    assert torch.equal(single[0], together[0])
