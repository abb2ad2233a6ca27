"""Headers of pictures: how many bits and channels they promise, without decoding."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

_JPEG2000 = (b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")
_SIZ = b"\xff\x4f\xff\x51"
_MODE_BITS = {"I": 32, "F": 32, "1": 1}


@dataclass(frozen=True)
class Jpeg2000Header:
    """The size of samples in a JPEG 2000 code stream."""

    components: int
    bits: int
    """Bits of the first component."""


def jpeg2000_header(data: bytes) -> Jpeg2000Header | None:
    """Read the code stream's SIZ segment; None for other files."""
    if not data.startswith(_JPEG2000):
        return None
    at = data.find(_SIZ)
    if at < 0 or len(data) < at + 43:
        return None
    return Jpeg2000Header(
        components=int.from_bytes(data[at + 40 : at + 42], "big"),
        bits=(data[at + 42] & 0x7F) + 1,
    )


def bits_of(data: bytes, image: Image.Image) -> int:
    """Bits of a sample as the file stores it; at most 8 where Pillow's bytes hold all of it."""
    if image.format == "PNG":
        return data[24]  # in IHDR, which comes first
    if image.format == "TIFF":
        bits = image.tag_v2.get(258, (8,))  # type: ignore[attr-defined]
        return max(bits) if isinstance(bits, tuple) else int(bits)
    if image.format == "JPEG2000":
        header = jpeg2000_header(data)
        return 8 if header is None else header.bits
    return 16 if image.mode.startswith("I;16") else _MODE_BITS.get(image.mode, 8)
