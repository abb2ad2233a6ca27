"""Facts of an image's header; no pixel is decoded."""

from __future__ import annotations

from PIL import Image

from nunbit.data.decoding.eight_bits import has_fourth_band
from nunbit.data.decoding.exif import (
    SIDEWAYS,
    TURNS,
    camera_of,
    exif_of,
    is_png_without_exif,
    orientation_of,
    taken_of,
)
from nunbit.data.decoding.frames import frame_count
from nunbit.data.decoding.opening import failures_as_damage, open_image
from nunbit.data.decoding.pillow_state import pillow_held
from nunbit.data.formats import png, tiff
from nunbit.data.formats.foreign import ForeignImage
from nunbit.data.formats.headers import bits_of
from nunbit.data.formats.profiles import other_profile
from nunbit.types import ImageFacts


def facts(data: bytes) -> ImageFacts:
    """Read what the header of an image says, without decoding pixels.

    Raises `UnusableImage` for content that is not an image.
    """
    with pillow_held():
        image = open_image(data)
        if isinstance(image, ForeignImage):
            return image.facts
        with image, failures_as_damage():
            return _pillow_facts(data, image)


def _pillow_facts(data: bytes, image: Image.Image) -> ImageFacts:
    exif = Image.Exif() if is_png_without_exif(data) else exif_of(image)
    orientation = orientation_of(exif)
    width, height = image.size
    # Pillow already reports a TIFF's size after its rotation, and turns it when loading.
    if orientation in SIDEWAYS and image.format != "TIFF":
        width, height = height, width
    tags = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    frames = frame_count(image)
    icc = image.info.get("icc_profile")
    return ImageFacts(
        width=width,
        height=height,
        mode=image.mode,
        format=str(image.format),
        frames=frames,
        bytes=len(data),
        rotated=orientation in TURNS,
        transparent=image.has_transparency_data and not has_fourth_band(image),
        camera=camera_of(exif),
        taken=taken_of(exif),
        profile=other_profile(icc) if isinstance(icc, bytes) else "",
        bits=bits_of(data, image),
        channels=0 if tags is None else tiff.channels_of(tags),
        layers="" if tags is None else tiff.told_layers(tags, frames),
        range_high=float(png.stated_largest(data) if tags is None else tiff.largest_value(tags)),
    )
