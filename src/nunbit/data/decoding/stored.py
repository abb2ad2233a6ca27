"""The picture as its file holds it, for looking at what decoding does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from nunbit.data.decoding.opening import failures_as_damage, open_image
from nunbit.data.decoding.pillow_state import pillow_held
from nunbit.data.formats.foreign import ForeignImage
from nunbit.data.formats.wide import WIDE_GREY, of_whole_numbers, to_bytes


def as_stored(data: bytes, *, longest: int) -> tuple[Image.Image, tuple[int, int]]:
    """The first frame as its file holds it, made small, and its width and height in full.

    For looking at what `decode` does: nothing is turned, and transparency is dropped. Mode L or
    RGB, the longer side at most `longest` pixels. Raises `UnusableImage`.
    """
    with pillow_held():
        image = open_image(data)
        if isinstance(image, ForeignImage):
            values = image.plane(0)
            shown = _stretched(values) if image.facts.wide else Image.fromarray(values)
            shown.thumbnail((longest, longest))
            return shown, (image.facts.width, image.facts.height)
    with pillow_held(), image, failures_as_damage():
        size = image.size
        if isinstance(image, ImageFile.ImageFile):
            image.draft(None, (longest, longest))
        image.load()
        if image.mode in WIDE_GREY:
            shown = _stretched(of_whole_numbers(image))
        else:
            shown = image.convert("L" if image.mode in ("1", "L") else "RGB")
    shown.thumbnail((longest, longest))
    return shown, size


def _stretched(values: NDArray[Any]) -> Image.Image:
    """Wide samples from their darkest to their brightest, to be looked at only."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    clean = np.nan_to_num(values, nan=low) if values.dtype.kind == "f" else values
    return Image.fromarray(to_bytes(clean, (low, max(high, low + 1e-12))))
