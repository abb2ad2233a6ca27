"""JPEG XL, read with imagecodecs (the extra jpegxl).

Only the size is read from the header here (ISO/IEC 18181-1, annex D.2), to refuse what is enormous
before it is decoded; all else comes from the decoder. h height, w width, C channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nunbit.data.formats.foreign import ForeignImage, check_extra
from nunbit.errors import UnusableImage
from nunbit.types import ImageFacts

_STREAM, _BOXED = b"\xff\x0a", b"\x00\x00\x00\x0cJXL "
_HEADER_BYTES = 18
"""Bytes in which the size certainly stands."""
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height by the number that stands in the header, from 1."""
_MAX_PIXELS = 2 * 89_478_485
"""Limit of pixels: as many as Pillow opens."""


def is_jpegxl(data: bytes) -> bool:
    """Tell by the first bytes, of the code stream or of the box around it."""
    return data.startswith((_STREAM, _BOXED))


def open_jpegxl(data: bytes) -> Image.Image | ForeignImage:
    """The picture, upright; of an animation the first frame.

    Raises `UnusableImage` naming the extra where it is missing, or what is wrong with the file.
    """
    what = "format JPEG XL is not read by Pillow (djxl IN.jxl OUT.png converts it)"
    check_extra("jpegxl", "imagecodecs", what=what)
    width, height = _size(data)
    if width * height > _MAX_PIXELS:
        raise UnusableImage(f"enormous: {width} × {height} pixels")
    values = _decode(data)
    if values.dtype == np.uint8:
        image = Image.fromarray(values)
        image.format = "JPEG XL"
        return image
    return _wide(data, values)


def _decode(data: bytes) -> NDArray[np.generic]:
    """[h, w] or [h, w, C] with C of 2, 3 or 4."""
    import imagecodecs

    try:
        values = np.asarray(imagecodecs.jpegxl_decode(data))
    except MemoryError:
        raise
    except Exception as error:  # imagecodecs' errors have no common root
        raise UnusableImage(f"damaged: a JPEG XL that cannot be read ({error})") from None
    if values.ndim == 4 or (values.ndim == 3 and values.shape[2] > 4):
        values = values[0]
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim not in (2, 3) or 0 in values.shape:
        raise UnusableImage(f"a JPEG XL of the shape {values.shape} is not read")
    return values


def _wide(data: bytes, values: NDArray[np.generic]) -> ForeignImage:
    """More than 8 bits: samples of 16 bits, or floating point."""
    channels = values.shape[2] if values.ndim == 3 else 1
    if channels in (2, 4):  # as for other wide pictures, transparency has no meaning here
        values = values[..., 0] if channels == 2 else values[..., :3]
    grey = values.ndim == 2
    return ForeignImage(
        plane=lambda number: _decoded_plane(values, number),
        facts=ImageFacts(
            width=values.shape[1],
            height=values.shape[0],
            mode="I;16" if grey else "RGB",
            format="JPEG XL",
            frames=1,
            bytes=len(data),
            rotated=False,
            transparent=False,
            bits=16 if values.dtype == np.uint16 else 32,
            channels=channels,
        ),
    )


def _decoded_plane(values: NDArray[np.generic], number: int) -> NDArray[np.generic]:
    del number
    return values


class _Bits:
    """Bits of a code stream, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data[:16], "little")

    def take(self, count: int) -> int:
        taken = self._number & ((1 << count) - 1)
        self._number >>= count
        return taken


def _code_stream(data: bytes) -> bytes:
    """The beginning of the code stream, within its box where there are boxes.

    Raises:
        UnusableImage: where there is none.
    """
    if data.startswith(_STREAM):
        return data[:_HEADER_BYTES]
    at = 0
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        start = at + 8
        if length == 1:  # the length is too large for four bytes, and follows
            length, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        if kind == b"jxlp":  # in pieces, each with its number first
            start += 4
        if kind in (b"jxlc", b"jxlp"):
            return data[start : start + _HEADER_BYTES]
        if length < 8:  # 0: up to the end of the file
            break
        at += length
    raise UnusableImage("damaged: a JPEG XL without a code stream")


def _size(data: bytes) -> tuple[int, int]:
    """(width, height) that the header states. Raises `UnusableImage`."""
    bits = _Bits(_code_stream(data)[2:])
    small = bool(bits.take(1))

    def side() -> int:
        if small:
            return 8 * (1 + bits.take(5))
        return 1 + bits.take((9, 13, 18, 30)[bits.take(2)])

    height = side()
    ratio = bits.take(3)
    if ratio == 0:
        return side(), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height
