"""Opening: from the bytes of a file to an image that can be decoded, or the reason against it."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from nunbit.data.formats import dicom, heif, jpeg2000, jpegxl, tiff
from nunbit.data.formats.foreign import ForeignImage
from nunbit.data.formats.headers import jpeg2000_header
from nunbit.data.formats.unread import unread_kind
from nunbit.data.formats.wide import WIDE_GREY
from nunbit.errors import UnusableImage

FORMATS = (
    *("JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "AVIF"),
    *("JPEG2000", "PPM", "PCX", "QOI", "ICO", "SGI", "DDS"),
)
"""Formats that are read: pictures with a recognisable beginning and a decoder inside Pillow.

TGA has no such beginning and EPS would start another program, so neither is tried.
"""
LARGEST_MAX_PIXELS = 2 * 89_478_485
"""Above this many pixels Pillow itself refuses (twice its default `MAX_IMAGE_PIXELS`)."""
LARGEST_FILE_BYTES = 1 << 30


def read_image_bytes(path: Path) -> bytes:
    """The content of a file that should be an image.

    Raises `UnusableImage` when it is missing, not a file, not readable, empty or enormous.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnusableImage("not a regular file")
        if status.st_size > LARGEST_FILE_BYTES:
            size = status.st_size / 1e9
            raise UnusableImage(f"enormous: a file of {size:.1f} GB, the limit is 1.1 GB")
        data = path.read_bytes()
    except FileNotFoundError:
        raise UnusableImage("missing: there is no such file") from None
    except OSError as error:
        raise UnusableImage(f"unreadable: {error.strerror or error}") from None
    except ValueError as error:  # a name that no file can have, such as one with a zero byte
        raise UnusableImage(f"unreadable: {error}") from None
    if not data:
        raise UnusableImage("zero bytes")
    return data


def open_image(data: bytes) -> Image.Image | ForeignImage:
    """Image.open over bytes, or what an extra reads; failures as `UnusableImage`."""
    if not data:
        raise UnusableImage("zero bytes")
    with failures_as_damage():
        try:
            image = Image.open(io.BytesIO(data), formats=available_formats())
        except UnidentifiedImageError:
            return _open_with_extra(data)
        except Image.DecompressionBombError:
            limit = f"{LARGEST_MAX_PIXELS:,}"
            raise UnusableImage(f"enormous: more than {limit} pixels") from None
        except OSError:
            if cut := _cut_webp(data):
                raise cut from None
            raise
        return _read_otherwise(data, image) or image


def _read_otherwise(data: bytes, image: Image.Image) -> ForeignImage | None:
    """The same file by another reader, where Pillow opens it and yet reads it wrongly."""
    if image.format == "TIFF":
        why = tiff.leaves_pillow(image.tag_v2)  # type: ignore[attr-defined]
        return tiff.foreign_tiff(data, None, why) if why else None
    if image.format == "JPEG2000" and image.mode not in WIDE_GREY:
        header = jpeg2000_header(data)
        if header is not None and header.bits > 8:
            return jpeg2000.open_jpeg2000(data, image.size, header)
    return None


def _open_with_extra(data: bytes) -> Image.Image | ForeignImage:
    """Read with an extra what Pillow does not recognise, or raise with its name."""
    if heif.is_heif(data):
        return heif.open_heif(data)
    if jpegxl.is_jpegxl(data):
        return jpegxl.open_jpegxl(data)
    if dicom.is_dicom(data):
        return dicom.open_dicom(data)
    named = unread_kind(data)
    if data.startswith(tiff.BEGINNINGS) and not named:
        return tiff.foreign_tiff(data, None, "")
    raise UnusableImage(named or _why_not_an_image(data))


@cache
def available_formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow has; asking for another would raise KeyError."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def check_size(size: tuple[int, int], max_pixels: int) -> None:
    """Raise `UnusableImage` for an image (width, height) that is too large, or has no pixels."""
    width, height = size
    if width * height > max_pixels:
        raise UnusableImage(
            f"enormous: {width} × {height} pixels, the limit is {max_pixels:,} pixels"
        )
    if width * height == 0:
        raise UnusableImage("no pixels")


def _why_not_an_image(data: bytes) -> str:
    """The reason for content that no decoder recognises."""
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"):
        return "damaged: it begins like AVIF, but its header cannot be read"
    beginnings = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"RIFF": "WebP"}
    for beginning, name in beginnings.items():
        if data.startswith(beginning):
            return f"damaged: it begins like {name}, but its header cannot be read"
    return "not an image"


@contextmanager
def failures_as_damage() -> Iterator[None]:
    """Turn whatever reading an image raises into `UnusableImage`.

    Each of Pillow's decoders, and each of the libraries behind the extras, has its own ways to
    fail; only a lack of memory says nothing about the file.
    """
    try:
        yield
    except (UnusableImage, MemoryError):
        raise
    except Exception as error:
        raise damage(error) from None


def damage(error: Exception) -> UnusableImage:
    """The reason for content that begins as an image and then breaks."""
    message = str(error) or type(error).__name__
    kind = "truncated" if "truncated" in message.lower() else "damaged"
    return UnusableImage(f"{kind}: {message}")


def _cut_webp(data: bytes) -> UnusableImage | None:
    """The reason for a WebP shorter than its header says; Pillow only says that it failed."""
    said = 8 + int.from_bytes(data[4:8], "little")
    if data[:4] != b"RIFF" or len(data) >= said:
        return None
    return UnusableImage(f"truncated: {len(data):,} of {said:,} bytes")
