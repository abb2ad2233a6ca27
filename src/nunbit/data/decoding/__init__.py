"""Decoding: the bytes of an image file become an upright grey or RGB picture by one stated policy.

The policy itself is stated in `nunbit.data.preprocess.Preprocess`; here it is carried out with
Pillow. Whatever goes wrong becomes `UnusableImage` with a reason that a user understands, and
Pillow's warnings reach nobody: what they mean is either handled or is the reason.
"""

from __future__ import annotations

from nunbit.data.decoding.eight_bits import Transparency
from nunbit.data.decoding.frames import MAX_FRAMES, Frame
from nunbit.data.decoding.header_facts import facts
from nunbit.data.decoding.opening import (
    FORMATS,
    LARGEST_FILE_BYTES,
    LARGEST_MAX_PIXELS,
    read_image_bytes,
)
from nunbit.data.decoding.stored import as_stored
from nunbit.data.decoding.upright import decode, decode_opened, wide_values

__all__ = [
    "FORMATS",
    "LARGEST_FILE_BYTES",
    "LARGEST_MAX_PIXELS",
    "MAX_FRAMES",
    "Frame",
    "Transparency",
    "as_stored",
    "decode",
    "decode_opened",
    "facts",
    "read_image_bytes",
    "wide_values",
]
