"""The name of a colour profile, read from its bytes (ICC.1:2022, 7.2 and 9.2.44).

Only profiles of RGB other than sRGB matter: in these, the same numbers are other colours.
"""

from __future__ import annotations

import struct
from functools import lru_cache

UNNAMED = "without a name"
_HEADER_BYTES, _TAG_BYTES = 128, 12
_MAX_TAGS = 100
_MAX_NAME = 60
_SRGB = ("srgb", "iec61966-2", "iec 61966-2")
_SMALL_SRGB = frozenset({"c2", "urgb"})
"""Names of sRGB in profiles that are cut down to a few hundred bytes."""


@lru_cache(maxsize=64)
def other_profile(icc: bytes) -> str:
    """Name of an RGB profile that is not sRGB; '' for sRGB, other colour spaces and no profile."""
    if len(icc) < _HEADER_BYTES + 4 or icc[16:20] != b"RGB ":
        return ""
    try:
        name = _description(icc)
    except (struct.error, UnicodeDecodeError):
        name = ""
    lower = name.lower()
    if lower in _SMALL_SRGB or any(word in lower for word in _SRGB):
        return ""
    return name or UNNAMED


def _description(icc: bytes) -> str:
    """The text of the tag `desc`, '' where there is none."""
    (count,) = struct.unpack_from(">I", icc, _HEADER_BYTES)
    for number in range(min(count, _MAX_TAGS)):
        at = _HEADER_BYTES + 4 + number * _TAG_BYTES
        signature, offset, _ = struct.unpack_from(">4sII", icc, at)
        if signature != b"desc":
            continue
        kind = icc[offset : offset + 4]
        if kind == b"mluc":  # version 4: in several languages, of which the first is taken
            length, start = struct.unpack_from(">II", icc, offset + 20)
            text = icc[offset + start : offset + start + min(length, 4 * _MAX_NAME)]
            return _printable(text.decode("utf-16-be"))
        if kind == b"desc":  # version 2
            (length,) = struct.unpack_from(">I", icc, offset + 8)
            text = icc[offset + 12 : offset + 12 + min(length, 2 * _MAX_NAME)]
            return _printable(text.decode("ascii", "replace"))
    return ""


def _printable(text: str) -> str:
    shown = "".join(char for char in text.partition("\0")[0] if char.isprintable())
    return " ".join(shown.split())[:_MAX_NAME]
