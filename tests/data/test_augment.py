"""Operations against per-image references, and their independence, determinism and shapes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from nunbit.data.augment import (
    OPERATIONS,
    PRESETS,
    Affine,
    BrightnessContrast,
    Erase,
    HorizontalFlip,
    Shift,
    choose_preset,
    load_augmentation,
)
from nunbit.errors import ConfigError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(batch: int = 64, channels: int = 3, height: int = 12, width: int = 10) -> Tensor:
    shape = (batch, channels, height, width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator(1))


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (5, 3, 12, 7), (2, 1, 1, 1)])
def test_shape_and_type_stay_and_the_input_is_not_changed(name: str, shape: tuple) -> None:
    before = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator())
    kept = before.clone()
    after = OPERATIONS[name]()(before, generator())
    assert (after.shape, after.dtype) == (before.shape, torch.uint8)
    assert torch.equal(before, kept)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_generator_alone_decides(name: str) -> None:
    operation, batch = OPERATIONS[name](), images()
    torch.manual_seed(0)
    first = operation(batch, generator(3))
    torch.manual_seed(1)
    assert torch.equal(first, operation(batch, generator(3)))
    assert not torch.equal(first, operation(batch, generator(4)))


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_equal_images_of_a_batch_are_changed_differently(name: str) -> None:
    same = images(1).expand(64, -1, -1, -1)
    changed = OPERATIONS[name]()(same, generator())
    assert len({tuple(image.flatten().tolist()) for image in changed}) > 1


def test_each_image_is_mirrored_whole_or_not_at_all_and_half_of_them() -> None:
    batch = images(2000)
    flipped = HorizontalFlip()(batch, generator())
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(flipped, batch, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(flipped, batch, strict=True)]
    assert all(m or k for m, k in zip(mirrored, kept, strict=True))
    # Binomial: five standard deviations of 2000 fair coins are 112.
    assert abs(sum(mirrored) - 1000) < 112


def test_a_shift_moves_rows_and_columns_and_repeats_the_border() -> None:
    batch = images(500)
    shifted = Shift(fraction=0.2)(batch, generator())
    padded = np.pad(batch.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge")
    seen = set()
    for number in range(len(batch)):
        matches = [
            (dy, dx)
            for dy in range(-2, 3)
            for dx in range(-2, 3)
            if np.array_equal(
                shifted[number].numpy(), padded[number, :, 2 + dy : 14 + dy, 2 + dx : 12 + dx]
            )
        ]
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) == 25


def test_a_rotation_is_pillows_rotation() -> None:
    """A fixed turn through the batched code against Pillow's, away from the border."""
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (6, 6)).astype(np.uint8)).resize((40, 40))
    batch = torch.from_numpy(np.asarray(smooth).copy())[None, None]

    turn = Affine(degrees=20, zoom=0.0)
    for seed in range(5):
        draw = torch.rand((2, 1), generator=generator(seed))[0, 0].item() * 2 - 1
        ours = turn(batch, generator(seed))[0, 0].numpy().astype(float)
        theirs = np.asarray(smooth.rotate(draw * 20, Image.Resampling.BILINEAR)).astype(float)
        centre = slice(10, 30)
        assert np.abs(ours[centre, centre] - theirs[centre, centre]).mean() < 1


def test_a_rotation_of_an_oblong_image_keeps_right_angles() -> None:
    """A centred square stays a square: its area is the same after the turn."""
    batch = torch.zeros((1, 1, 40, 80), dtype=torch.uint8)
    batch[:, :, 12:28, 32:48] = 255
    turned = Affine(degrees=45, zoom=0.0)(batch.expand(50, -1, -1, -1), generator())
    area = turned.float().sum(dim=(1, 2, 3)) / 255
    assert area.sub(256).abs().max() < 6


def test_zoom_lies_between_its_limits() -> None:
    batch = torch.zeros((1, 1, 60, 60), dtype=torch.uint8)
    batch[:, :, 20:40, 20:40] = 255
    zoomed = Affine(degrees=0, zoom=0.25)(batch.expand(400, -1, -1, -1), generator())
    scale = (zoomed.float().sum(dim=(1, 2, 3)) / 255 / 400).sqrt()
    assert scale.min() > 1 / 1.25 - 0.02
    assert scale.max() < 1.25 + 0.02
    assert scale.min() < 0.83
    assert scale.max() > 1.2
    assert abs(scale.log().mean()) < 0.03


def test_brightness_and_contrast_by_a_plain_loop() -> None:
    batch = images(8)
    changed = BrightnessContrast(brightness=0.3, contrast=0.4)(batch, generator(2))
    draws = torch.rand((2, 8, 1, 1, 1), generator=generator(2)).flatten(1)
    for number in range(8):
        bright = 1 + 0.3 * (2 * draws[0, number].item() - 1)
        contrast = 1 + 0.4 * (2 * draws[1, number].item() - 1)
        values = batch[number].numpy().astype(np.float64) * bright
        wanted = (values - values.mean()) * contrast + values.mean()
        wanted = np.clip(np.rint(wanted), 0, 255)
        assert np.abs(changed[number].numpy() - wanted).max() <= 1


def test_erase_puts_one_square_of_the_mean_into_the_chosen_images() -> None:
    batch = images(400, channels=1, height=20, width=20)
    erased = Erase(probability=0.5, fraction=0.4)(batch, generator())
    touched = 0
    for before, after in zip(batch[:, 0].numpy(), erased[:, 0].numpy(), strict=True):
        rows, columns = np.nonzero(before != after)
        if len(rows) == 0:
            continue
        touched += 1
        square = after[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert max(square.shape) <= math.ceil(0.4 * 20)
        assert (square == round(float(before.mean()))).all() or abs(
            int(square.flat[0]) - before.mean()
        ) <= 1
    assert 150 < touched < 250


def test_an_unchosen_probability_changes_nothing() -> None:
    batch = images()
    assert torch.equal(Erase(probability=0.0)(batch, generator()), batch)
    assert torch.equal(HorizontalFlip(probability=0.0)(batch, generator()), batch)


def test_presets_state_what_they_assume() -> None:
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert preset.assumption
    mirrors = [p.name for p in PRESETS.values() if HorizontalFlip() in p.operations]
    assert "digits" not in mirrors
    assert PRESETS["none"](images(), generator()).equal(images())


@pytest.mark.parametrize(
    ("data", "preset"),
    [("fashion-mnist", "clothes"), ("digits", "digits"), ("cifar10", "photos"), ("x", "shift")],
)
def test_auto_follows_known_data_and_is_careful_otherwise(data: str, preset: str) -> None:
    assert choose_preset(data)[0] == preset


def test_a_file_lists_operations(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[operations]]\nname = "shift"\nfraction = 0.1\n[[operations]]\nname = "erase"\n',
        encoding="utf-8",
    )
    loaded = load_augmentation(str(path))
    assert loaded.operations == (Shift(fraction=0.1), Erase())
    assert loaded.name == "mine"


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        ('[[operations]]\nname = "shfit"\n', "no augmentation 'shfit'", "did you mean shift?"),
        ('[[operations]]\nname = "shift"\nby = 3\n', "shift: by = 3", "parameters of shift"),
        ('[[operations]]\nname = "shift"\nfraction = "x"\n', "fraction = 'x'", "is a number"),
        ("[[operations\n", "cannot be read", "mend"),
        ('[[operation]]\nname = "shift"\n', "holds operation, not", "[[operations]]"),
        ("operations = 3\n", "holds operations, not", "[[operations]]"),
        ("operations = [3]\n", "no augmentation ''", "operations: horizontal-flip"),
        ("", "holds nothing", "the preset none"),
        ('[[operations]]\nname = "shift"\nfraction = -1\n', "-1 is not from 0 to 1", "limits"),
        ('[[operations]]\nname = "affine"\nzoom = nan\n', "nan is not from 0 to 10", "limits"),
        ('[[operations]]\nname = "erase"\nprobability = 50\n', "50 is not from 0 to 1", "limits"),
    ],
)
def test_mistakes_in_a_file_are_explained(
    tmp_path: Path, content: str, what: str, remedy: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_augmentation(str(path))
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert caught.value.path == str(path)


def test_an_unknown_preset_suggests_a_known_one() -> None:
    with pytest.raises(ConfigError, match="no augmentation preset 'cloths'") as caught:
        load_augmentation("cloths")
    assert "did you mean clothes?" in caught.value.remedy
