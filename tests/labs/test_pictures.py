from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from nunbit.errors import UsageError
from nunbit_labs.display import as_output
from nunbit_labs.drawing import MAX_SVG_BYTES, film, picture_of, picture_of_pixels
from nunbit_labs.style import BLUE


def draw(figure: Figure, moment: int) -> None:
    figure.subplots().bar([0, 1], [moment, 3], color=BLUE)


def test_a_film_has_a_frame_for_each_moment_in_pure_colours() -> None:
    shown = film(draw, range(4), size=(3, 2), description="bars", seconds=0.1)
    frames = [
        frame.convert("RGB") for frame in ImageSequence.Iterator(Image.open(io.BytesIO(shown.gif)))
    ]
    assert [frame.size for frame in frames] == [(300, 200)] * 4
    assert all(one.tobytes() != other.tobytes() for one, other in pairwise(frames))
    colours = {colour for _, colour in frames[-1].getcolors(100_000)}
    assert (0x0B, 0x62, 0xA8) in colours
    assert Image.open(io.BytesIO(shown.last_frame)).size == (300, 200)
    assert 'alt="bars"' in shown.html("en")
    assert "prefers-reduced-motion" in shown.html("en")


def test_a_film_has_frames_and_keeps_within_a_page() -> None:
    with pytest.raises(UsageError, match="at least one frame"):
        film(draw, [], size=(3, 2), description="", seconds=0.1)

    def noise(figure: Figure, moment: int) -> None:
        pixels = np.random.default_rng(moment).random((600, 800))
        figure.subplots().imshow(pixels, interpolation="nearest")

    with pytest.raises(UsageError, match=r"has \d\.\d MB"):
        film(noise, range(12), size=(8, 6), description="", seconds=0.1)


def test_a_large_drawing_becomes_a_png() -> None:
    figure = Figure()
    random = np.random.default_rng(0)
    figure.subplots().scatter(*random.random((2, MAX_SVG_BYTES // 40)))
    assert picture_of(figure, description="points").svg is None


def test_small_images_are_enlarged_in_whole_squares() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    shown = picture_of_pixels(pixels, description="a ramp")
    image = np.asarray(Image.open(io.BytesIO(shown.png)))
    assert image.shape == (224, 224)
    assert np.array_equal(image[::28, ::28], pixels)


def test_an_array_that_is_no_image_is_refused() -> None:
    with pytest.raises(UsageError, match="not float64 of shape"):
        as_output(np.zeros((2, 2)), description="zeros")
