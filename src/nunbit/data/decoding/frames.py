"""Frames, pages and planes of one file: which are used, and how several become one picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

from nunbit.data.decoding.opening import damage

Frame: TypeAlias = Literal["first", "middle", "max", "mean"]
"""Choice among several frames, pages or planes, or how they become one picture."""
MAX_FRAMES = 1000
"""Frames that max and mean look at; of a longer file they are spread evenly."""


def chosen(count: int, frame: Frame) -> list[int]:
    """Numbers of the frames that are decoded, of so many."""
    if frame == "first" or count <= 1:
        return [0]
    if frame == "middle":
        return [count // 2]
    step = -(-count // MAX_FRAMES)
    return list(range(0, count, step))


def frame_count(image: Image.Image) -> int:
    """Number of frames or pages; 1 where a later one is broken."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # only the first frame is ever used
        return 1


def pages(image: Image.Image, frame: Frame) -> Iterator[Image.Image]:
    """The frames that count, one after the other; those of another size than the first do not."""
    count = 1 if frame == "first" else frame_count(image)
    if count <= 1:
        yield image
        return
    size = image.size
    alike = [n for n in range(count) if _seek(image, n) and image.size == size]
    for number in chosen(len(alike), frame):
        _seek(image, alike[number])
        yield image


def _seek(image: Image.Image, number: int) -> bool:
    """Stand at a frame; False where it is broken."""
    try:
        image.seek(number)
    except MemoryError:
        raise
    except Exception as error:  # as in `decode`
        if number == 0:
            raise damage(error) from None
        return False
    return True


def combined(pictures: Iterator[Image.Image], frame: Frame) -> Image.Image:
    """One picture of several in mode L or RGB and of one size: the only one, or by max or mean."""
    first = next(pictures)
    if frame not in ("max", "mean"):
        return first
    total, count = np.asarray(first).astype(np.uint32), 1
    for picture in pictures:
        values = np.asarray(picture if picture.mode == first.mode else picture.convert(first.mode))
        if values.shape != total.shape:
            continue
        count += 1
        total = np.maximum(total, values) if frame == "max" else total + values
    if frame == "mean":
        total = (total + count // 2) // count
    return Image.fromarray(total.astype(np.uint8))
