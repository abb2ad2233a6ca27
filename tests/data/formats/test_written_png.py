"""PNG of 16 bits that nunbit writes for exports: they read as the array they were made of."""

from __future__ import annotations

from typing import Literal

import imagecodecs
import numpy as np
import pytest

from nunbit.data.formats.png import written
from nunbit.data.preprocess import Preprocess


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3)])
@pytest.mark.parametrize("value_range", ["full", (100.0, 4095.0)])
def test_a_file_has_the_canvas_of_its_array(
    shape: tuple[int, ...], value_range: Literal["full"] | tuple[float, float]
) -> None:
    pixels = np.random.default_rng(3).integers(0, 65536, shape).astype(np.uint16)
    pixels.flat[:8] = [0, 1, 99, 100, 255, 256, 4095, 65535]
    contract = Preprocess(
        height=5, width=4, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3, range=value_range
    )
    assert np.array_equal(contract.canvas(written(pixels)), contract.canvas_from_array(pixels))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_another_library_reads_the_same_samples(channels: int) -> None:
    pixels = np.random.default_rng(5).integers(0, 65536, (9, 7, channels)).astype(np.uint16)
    read = imagecodecs.png_decode(written(pixels))
    assert np.array_equal(read.reshape(pixels.shape), pixels)
