"""Samples of more than 8 bits: read with all their bits, and made bytes over one stated range.

h height, w width of an image.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from nunbit.errors import UnusableImage

ValueRange: TypeAlias = Literal["full"] | tuple[float, float]
"""Values that become black and white in images of more than 8 bits; full: 0 and 65535."""
WIDE_GREY = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
"""Pillow's modes that hold more than 8 bits of grey."""
_OTHER_ORDER = {
    f"{mode};16{one}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA", "RGBX")
    for one, other in (("B", "L"), ("L", "B"), ("N", "B" if np.little_endian else "L"))
}
"""Pillow keeps the upper byte of a colour sample; told the other byte order, it keeps the lower."""
_ROWS_BYTES = 32_000_000
"""Bytes of float64 values that are scaled in one step."""


def lower_bytes(again: Image.Image) -> Image.Image | None:
    """The lower bytes of 16-bit colour, as an image of 8 bits; None where they cannot be had.

    `again` is the file opened a second time, not loaded yet.
    """
    if not isinstance(again, ImageFile.ImageFile) or not again.tile:
        return None
    swapped = [_swapped(tile) for tile in again.tile]
    if None in swapped:
        return None
    again.tile = swapped
    again.load()
    return again


def _swapped(tile: Any) -> Any:
    """A tile of Pillow's whose raw mode says the other byte order; None where there is none."""
    name, box, offset, args = tile
    raw = args if isinstance(args, str) else args[0]
    other = _OTHER_ORDER.get(raw)
    if other is None:
        return None
    return ImageFile._Tile(name, box, offset, other if args is raw else (other, *args[1:]))


def to_bytes(values: NDArray[Any], value_range: ValueRange) -> NDArray[np.uint8]:
    """Samples of any shape as bytes: low becomes 0, high 255, rounded; what lies beyond is clipped.

    Raises `UnusableImage` for values that are not numbers, and under the full range for such as
    lie outside of 0..65535 or are not whole.
    """
    if values.dtype.kind == "f":
        if value_range == "full":
            raise UnusableImage("pixels in floating point numbers have no stated range")
        if not np.isfinite(values).all():
            raise UnusableImage("some pixels are not numbers (NaN or infinite)")
    if value_range == "full":
        if values.size and (values.min() < 0 or values.max() > 65535):
            raise UnusableImage(
                "grey values outside of 0..65535 have no stated range: negative ones, or of "
                "more than 16 bits"
            )
        value_range = (0, 65535)
    low, high = value_range
    _check_scale(values, low, high)
    if values.dtype.kind in "ui" and values.dtype.itemsize <= 2:
        first = np.iinfo(values.dtype).min
        table = _scaled(np.arange(first, np.iinfo(values.dtype).max + 1), low, high)
        if first == 0:
            return np.asarray(table[values])
        return np.asarray(table[values.astype(np.int64) - first])
    found = np.empty(values.shape, dtype=np.uint8)
    step = max(1, _ROWS_BYTES // (8 * max(1, values[:1].size)))
    for start in range(0, len(values), step):
        found[start : start + step] = _scaled(values[start : start + step], low, high)
    return found


def _check_scale(values: NDArray[Any], low: float, high: float) -> None:
    """Raise `UnusableImage` for numbers of another scale than that of the range.

    In one data set some files may hold 0..1 and others 0..65535: one range cannot show both.
    """
    if values.size == 0:
        return
    least, largest = float(values.min()), float(values.max())
    flat = values.dtype.kind == "f" and 0 < largest - least < (high - low) / 256
    beyond = high <= 65535 < least
    if flat or beyond or (values.dtype.kind != "f" and high - low <= 1):
        raise UnusableImage(
            f"values of {least:g} to {largest:g} are of another scale than the range of the data "
            f"set, {low:g} to {high:g}: save all files in one scale, or set pixels.range=LOW,HIGH"
        )


def _scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    scaled = (values.astype(np.float64) - low) * 255 / (high - low)
    return np.floor(np.clip(scaled, 0, 255) + 0.5).astype(np.uint8)


def of_whole_numbers(image: Image.Image) -> NDArray[Any]:
    """The samples [h, w] of one of the modes `WIDE_GREY`; 16 bits where they fit."""
    values = np.asarray(image)
    if values.dtype.kind == "i" and values.size and values.min() >= 0 and values.max() <= 65535:
        return values.astype(np.uint16)
    return values.astype(values.dtype.newbyteorder("="), copy=False)
