"""EXIF: which way up a picture is, and which camera took it when; broken blocks say nothing."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Turn that puts a picture of each orientation upright."""
SIDEWAYS = (5, 6, 7, 8)
"""Orientations whose width and height change places."""


def exif_of(image: Image.Image) -> Image.Exif:
    """The EXIF block; an empty one where it is absent or broken."""
    try:
        return image.getexif()
    except Exception:  # a broken EXIF block says nothing about the pixels
        return Image.Exif()


def orientation_of(exif: Image.Exif) -> int:
    """EXIF orientation; 1 where it is absent or not a number."""
    value: Any = _entry(exif, ExifTags.Base.Orientation)
    return value if isinstance(value, int) else 1


def camera_of(exif: Image.Exif) -> str:
    """Maker and model; a model that begins with its maker's name says it once."""
    words = [_entry(exif, tag) for tag in (ExifTags.Base.Make, ExifTags.Base.Model)]
    make, model = (
        " ".join("".join(c if c.isprintable() else " " for c in word).split())
        if isinstance(word, str)
        else ""
        for word in words
    )
    return model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()


def taken_of(exif: Image.Exif) -> str:
    """Date when the picture was taken, else changed; '' without a possible date."""
    try:
        details: Any = exif.get_ifd(ExifTags.IFD.Exif)
    except Exception:  # as in `exif_of`
        details = {}
    for block, tag in (
        (details, ExifTags.Base.DateTimeOriginal),
        (details, ExifTags.Base.DateTimeDigitized),
        (exif, ExifTags.Base.DateTime),
    ):
        said = _entry(block, tag)
        if isinstance(said, str):
            with suppress(ValueError):  # such as 0000:00:00, which cameras without a clock write
                return datetime.strptime(said[:19], "%Y:%m:%d %H:%M:%S").isoformat()
    return ""


def _entry(block: Any, tag: int) -> Any:
    """The value of a tag, None where it is absent; Pillow reads some only when they are asked."""
    try:
        return block.get(tag)
    except Exception:  # as in `exif_of`
        return None


def is_png_without_exif(data: bytes) -> bool:
    """Tell whether a PNG has none of the chunks that Pillow reads an orientation from.

    They may stand behind the pixels, so Pillow decodes all of these before it says so.
    """
    chunks = (b"eXIf", b"Raw profile type ", b"XML:com.adobe.xmp")
    return data.startswith(b"\x89PNG") and not any(chunk in data for chunk in chunks)
