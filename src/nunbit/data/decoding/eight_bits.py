"""Pixels of any mode as grey or RGB of 8 bits: wide samples, transparency, palettes, fourth bands.

h height, w width of an image.
"""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nunbit.data.decoding.opening import available_formats
from nunbit.data.formats import png, tiff
from nunbit.data.formats.headers import bits_of
from nunbit.data.formats.wide import (
    WIDE_GREY,
    ValueRange,
    lower_bytes,
    of_whole_numbers,
    to_bytes,
)
from nunbit.errors import UnusableImage

Transparency: TypeAlias = Literal["show", "ignore"]
WITH_ALPHA = ("RGBA", "RGBa", "LA", "La")


def opened_again(data: bytes, image: Image.Image) -> Image.Image | None:
    """The same file and frame, opened a second time for the lower bytes of wide colour."""
    if image.mode not in ("RGB", "RGBA") or bits_of(data, image) <= 8:
        return None
    if png.is_grey_with_alpha(data):
        return png.grey_with_alpha(data)
    again = Image.open(io.BytesIO(data), formats=available_formats())
    with suppress(EOFError):
        again.seek(image.tell())
    return again


def wide_samples(image: Image.Image, again: Image.Image | None) -> NDArray[Any] | None:
    """All bits of a loaded image, [h, w] or [h, w, 3 or 4]; None of one of 8 bits."""
    if image.mode in WIDE_GREY:
        values = of_whole_numbers(image)
        tags = getattr(image, "tag_v2", None)
        if tags is not None and tiff.is_inverted(tags):
            values = tiff.inverted(values, tags)
        return values
    if again is None:
        return None
    if again.mode == "RGBA" and again.info.get("wide") is not None:
        return np.asarray(again.info["wide"])
    lower = lower_bytes(again)
    if lower is None:
        raise UnusableImage(
            "colours of more than 8 bits in a form that Pillow gives 8 bits of: save it as RGB "
            "with 16 bits, or as 8 bits"
        )
    upper = np.asarray(image).astype(np.uint16)
    return np.asarray(upper << 8 | np.asarray(lower))


def narrowed(
    image: Image.Image, again: Image.Image | None, background: int, value_range: ValueRange
) -> Image.Image:
    """An image whose wide samples are bytes; alpha keeps its upper byte. Others as they are."""
    values = wide_samples(image, again)
    if values is None:
        return image
    if values.ndim == 3:
        narrow = to_bytes(values[..., :3], value_range)
        if values.shape[2] == 4:
            alpha = (values[..., 3:] >> 8).astype(np.uint8)
            narrow = np.concatenate([narrow, alpha], axis=2)
        return Image.fromarray(np.ascontiguousarray(narrow))
    narrow = to_bytes(values, value_range)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        narrow[values == transparent] = background
    return Image.fromarray(narrow)


def without_alpha(image: Image.Image) -> Image.Image:
    """The colours as they are stored, whatever the alpha channel says."""
    bands = image.split()[:-1]
    return bands[0] if len(bands) == 1 else Image.merge("RGB", bands)


def has_fourth_band(image: Image.Image) -> bool:
    """A GeoTIFF whose fourth channel looks like transparency to Pillow."""
    return (
        image.format == "TIFF"
        and image.mode in ("RGBA", "RGBX", "RGBa")
        and tiff.is_geographic(getattr(image, "tag_v2", {}))
    )


def to_grey_or_rgb(image: Image.Image, background: int) -> Image.Image:
    """Mode L or RGB of a loaded image of any mode."""
    if image.mode == "LAB":
        raise UnusableImage("pixels in the LAB colour space have no stated range")
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA", "La")
        # Pillow converts La and RGBa (alpha multiplied in) only to their plain counterparts.
        plain = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
        layer = (image.convert(plain) if plain else image).convert("RGBA")
        ground = Image.new("RGBA", layer.size, (background, background, background, 255))
        return Image.alpha_composite(ground, layer).convert("L" if grey else "RGB")
    if image.mode in ("L", "RGB"):
        return image  # its pixels are in memory: closing the file leaves them
    return image.convert("L" if image.mode == "1" else "RGB")
