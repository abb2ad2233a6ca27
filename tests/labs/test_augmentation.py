from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nunbit.errors import ConfigError, UsageError
from nunbit_labs import augmented


def flip_file(folder: Path) -> Path:
    path = folder / "flip.toml"
    path.write_text('[[operations]]\nname = "horizontal-flip"\nprobability = 1.0\n')
    return path


@pytest.mark.parametrize("shape", [(2, 4, 5), (2, 4, 5, 3)])
def test_results_have_the_images_own_shape(tmp_path: Path, shape: tuple[int, ...]) -> None:
    images = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    found = augmented(images, flip_file(tmp_path), times=3, seed=0)
    assert found.dtype == np.uint8
    for time in range(3):
        assert np.array_equal(found[:, time], images[:, :, ::-1])


def test_the_seed_decides() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28)).astype(np.uint8)
    first, again, other = (augmented(images, "photos", times=2, seed=s) for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_mixing_is_shown_as_well(tmp_path: Path) -> None:
    path = tmp_path / "mix.toml"
    path.write_text('[[operations]]\nname = "mix-up"\n')
    images = np.stack([np.zeros((4, 4)), np.full((4, 4), 255)]).astype(np.uint8)
    found = augmented(images, path, times=20, seed=0)
    assert ((found > 0) & (found < 255)).any()


def test_what_is_no_image_or_augmentation_is_refused() -> None:
    with pytest.raises(UsageError, match=r"uint8 of shape \[N, H, W\]"):
        augmented(np.zeros((2, 4, 5)), "photos", times=1, seed=0)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="no augmentation preset 'nothing'"):
        augmented(np.zeros((1, 4, 4), np.uint8), "nothing", times=1, seed=0)
