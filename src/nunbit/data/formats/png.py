"""PNG of 16 bits: what Pillow can neither read nor write of it.

h height, w width of an image.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_BEGINNING = b"\x89PNG"
_GREY, _COLOUR, _GREY_ALPHA, _COLOUR_ALPHA = 0, 2, 4, 6


def stated_largest(data: bytes) -> int:
    """The largest value that sBIT promises for samples of 16 bits; 0 where it says nothing."""
    if not data.startswith(_BEGINNING) or data[24] != 16:
        return 0
    at = data.find(b"sBIT", 33, 4096)
    bits = data[at + 4] if at > 0 else 16
    return int(2**bits - 1) if 8 < bits < 16 else 0


def is_grey_with_alpha(data: bytes) -> bool:
    """A PNG of grey and transparency in 16 bits each."""
    return data.startswith(_BEGINNING) and data[24] == 16 and data[25] == _GREY_ALPHA


def grey_with_alpha(data: bytes) -> Image.Image:
    """Its samples, [h, w, 4] uint16 as `info["wide"]`: grey three times, and alpha.

    Pillow keeps the upper bytes alone. Read as 8 bits of four channels, which take up as many bytes
    and are filtered alike, the same file gives both bytes of both.
    """
    header = data[16:24] + bytes((8, _COLOUR_ALPHA)) + data[26:29]
    chunk = b"IHDR" + header
    told = data[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]
    with Image.open(io.BytesIO(told), formats=("PNG",)) as image:
        image.load()
        size = image.size
        four = np.asarray(image).astype(np.uint16)
    grey, alpha = four[..., 0] << 8 | four[..., 1], four[..., 2] << 8 | four[..., 3]
    found = Image.new("RGBA", size)
    found.info["wide"] = np.stack([grey, grey, grey, alpha], axis=2)
    return found


def written(pixels: NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits of an array [h, w] or [h, w, C]: C 1 grey, 2 with alpha, 3 RGB, 4 RGBA."""
    samples = pixels.reshape(*pixels.shape[:2], -1)
    height, width, channels = samples.shape
    kind = (_GREY, _GREY_ALPHA, _COLOUR, _COLOUR_ALPHA)[channels - 1]
    rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    unfiltered = np.concatenate([np.zeros((height, 1), dtype=np.uint8), rows], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(unfiltered.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
