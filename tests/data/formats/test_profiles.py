"""Names of colour profiles, of profiles that littlecms makes and of bytes after the standard."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from nunbit.data.decoding import facts
from nunbit.data.formats.profiles import UNNAMED, other_profile


def profile(name: str, *, kind: bytes = b"desc", space: bytes = b"RGB ") -> bytes:
    """A profile of one tag, its description, in version 2 (`desc`) or 4 (`mluc`)."""
    if kind == b"mluc":
        text = name.encode("utf-16-be")
        tag = struct.pack(">4sIII2s2sII", kind, 0, 1, 12, b"en", b"US", len(text), 28) + text
    else:
        text = name.encode("ascii") + b"\0"
        tag = struct.pack(">4sII", kind, 0, len(text)) + text
    header = bytes(16) + space + bytes(108)
    return header + struct.pack(">I4sII", 1, b"desc", 144, len(tag)) + tag


def test_srgb_of_littlecms_is_no_other_profile() -> None:
    assert other_profile(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()) == ""


@pytest.mark.parametrize("kind", [b"desc", b"mluc"])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Display P3", "Display P3"),
        ("Adobe RGB (1998)", "Adobe RGB (1998)"),
        ("sRGB IEC61966-2.1", ""),
        ("c2", ""),
        ("", UNNAMED),
    ],
)
def test_names(kind: bytes, name: str, told: str) -> None:
    assert other_profile(profile(name, kind=kind)) == told


def test_other_colour_spaces_and_cut_profiles() -> None:
    assert other_profile(profile("Dot Gain 20%", space=b"GRAY")) == ""
    assert other_profile(b"") == ""
    whole = profile("Display P3")
    for length in range(len(whole)):
        assert other_profile(whole[:length]) in (
            "",
            UNNAMED,
            *("Display P3"[:n] for n in range(11)),
        )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_files_carry_it(form: str) -> None:
    buffer = io.BytesIO()
    image = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    image.save(buffer, form, icc_profile=profile("Display P3"))
    assert facts(buffer.getvalue()).profile == "Display P3"
