"""Decoding: the bytes of an image file become an upright grey or RGB picture by one stated policy.

The policy itself is stated in `nunbit.data.preprocess.Preprocess`; here it is carried out with
Pillow. Whatever goes wrong becomes `UnusableImage` with a reason that a user understands, and
Pillow's warnings reach nobody: what they mean is either handled or is the reason.
"""

from __future__ import annotations

import io
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from nunbit.errors import UnusableImage
from nunbit.types import ImageFacts

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

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WIDE_GREY = ("I;16", "I;16L", "I;16B", "I;16N", "I")


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


def facts(data: bytes) -> ImageFacts:
    """Read what the header of an image says, without decoding pixels.

    Raises `UnusableImage` for content that is not an image.
    """
    with _pillow_held(), _open(data) as image:
        exif = Image.Exif() if _is_png_without_exif(data) else _exif(image)
        orientation = _orientation(exif)
        width, height = image.size
        # Pillow already reports a TIFF's size after its rotation, and turns it when loading.
        if orientation in (5, 6, 7, 8) and image.format != "TIFF":
            width, height = height, width
        return ImageFacts(
            width=width,
            height=height,
            mode=image.mode,
            format=str(image.format),
            frames=_frames(image),
            bytes=len(data),
            rotated=orientation in _TURNS,
            transparent=image.has_transparency_data,
            camera=_camera(exif),
            taken=_taken(exif),
        )


def decode(
    data: bytes, *, max_pixels: int, background: int, enough: tuple[int, int] | None = None
) -> Image.Image:
    """The upright first frame of an image as Pillow mode L or RGB, transparency resolved.

    `enough` (height, width) allows a JPEG to be decoded at 1/2, 1/4 or 1/8 of its size as long as
    both sides stay at least that long. Raises `UnusableImage`.
    """
    with _pillow_held(), _open(data) as image:
        if enough is not None and isinstance(image, ImageFile.ImageFile):
            turned = _orientation(_exif(image)) in (5, 6, 7, 8)
            draft = enough if turned else enough[::-1]
        else:
            draft = None
        return _upright(image, max_pixels=max_pixels, background=background, draft=draft)


def decode_opened(image: Image.Image, *, max_pixels: int, background: int) -> Image.Image:
    """An image that Pillow has opened or made, as `decode` gives it; it is only read.

    Of several frames it is the one that the image stands at. Raises `UnusableImage`.
    """
    with _pillow_held():
        return _upright(image, max_pixels=max_pixels, background=background, draft=None)


def _upright(
    image: Image.Image, *, max_pixels: int, background: int, draft: tuple[int, int] | None
) -> Image.Image:
    """Mode L or RGB; `draft` (width, height) is what a JPEG's reduced decoding must reach."""
    width, height = image.size
    if width * height > max_pixels:
        raise UnusableImage(
            f"enormous: {width} x {height} pixels, the limit is {max_pixels:,} pixels"
        )
    if width * height == 0:
        raise UnusableImage("no pixels")
    try:
        if draft is not None:
            image.draft(None, draft)
        image.load()
        turn = _TURNS.get(_orientation(_exif(image)))
        upright = image if turn is None else image.transpose(turn)
        return _to_grey_or_rgb(upright, background)
    except (UnusableImage, MemoryError):
        raise
    except Exception as error:  # each of Pillow's decoders has its own ways to fail
        raise _damage(error) from None


def as_stored(data: bytes, *, longest: int) -> tuple[Image.Image, tuple[int, int]]:
    """The first frame as its file holds it, made small, and its width and height in full.

    For looking at what `decode` does: nothing is turned, and transparency is dropped. Mode L or
    RGB, the longer side at most `longest` pixels. Raises `UnusableImage`.
    """
    with _pillow_held(), _open(data) as image:
        size = image.size
        try:
            if isinstance(image, ImageFile.ImageFile):
                image.draft(None, (longest, longest))
            image.load()
            if image.mode in _WIDE_GREY:
                shown = _wide_grey_to_8_bit(image, background=255)
            else:
                shown = image.convert("L" if image.mode in ("1", "L") else "RGB")
        except (UnusableImage, MemoryError):
            raise
        except Exception as error:  # as in `decode`
            raise _damage(error) from None
    shown.thumbnail((longest, longest))
    return shown, size


def _open(data: bytes) -> Image.Image:
    """Image.open over bytes, with failures as `UnusableImage`."""
    if not data:
        raise UnusableImage("zero bytes")
    try:
        return Image.open(io.BytesIO(data), formats=_available_formats())
    except UnidentifiedImageError:
        raise UnusableImage(_why_not_an_image(data)) from None
    except Image.DecompressionBombError:
        limit = f"{LARGEST_MAX_PIXELS:,}"
        raise UnusableImage(f"enormous: more than {limit} pixels") from None
    except MemoryError:
        raise
    except Exception as error:  # as in `decode`
        raise _cut_webp(data) or _damage(error) from None


@cache
def _available_formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow has; asking for another would raise KeyError."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _why_not_an_image(data: bytes) -> str:
    """The reason for content that no decoder recognises."""
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        return "format HEIC is not read: save it as JPEG or PNG"
    beginnings = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"RIFF": "WebP"}
    for beginning, name in beginnings.items():
        if data.startswith(beginning):
            return f"damaged: it begins like {name}, but its header cannot be read"
    return "not an image"


def _damage(error: Exception) -> UnusableImage:
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


def _exif(image: Image.Image) -> Image.Exif:
    """The EXIF block; an empty one where it is absent or broken."""
    try:
        return image.getexif()
    except Exception:  # a broken EXIF block says nothing about the pixels
        return Image.Exif()


def _orientation(exif: Image.Exif) -> int:
    """EXIF orientation; 1 where it is absent or not a number."""
    value: Any = _entry(exif, ExifTags.Base.Orientation)
    return value if isinstance(value, int) else 1


def _camera(exif: Image.Exif) -> str:
    """Maker and model; a model that begins with its maker's name says it once."""
    words = [_entry(exif, tag) for tag in (ExifTags.Base.Make, ExifTags.Base.Model)]
    make, model = (
        " ".join("".join(c if c.isprintable() else " " for c in word).split())
        if isinstance(word, str)
        else ""
        for word in words
    )
    return model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()


def _taken(exif: Image.Exif) -> str:
    """Date when the picture was taken, else changed; '' without a possible date."""
    try:
        details: Any = exif.get_ifd(ExifTags.IFD.Exif)
    except Exception:  # as in `_exif`
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
    except Exception:  # as in `_exif`
        return None


def _is_png_without_exif(data: bytes) -> bool:
    """Tell whether a PNG has none of the chunks that Pillow reads an orientation from.

    They may stand behind the pixels, so Pillow decodes all of these before it says so.
    """
    chunks = (b"eXIf", b"Raw profile type ", b"XML:com.adobe.xmp")
    return data.startswith(b"\x89PNG") and not any(chunk in data for chunk in chunks)


def _frames(image: Image.Image) -> int:
    """Number of frames or pages; 1 where a later one is broken."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # only the first frame is ever used
        return 1


def _to_grey_or_rgb(image: Image.Image, background: int) -> Image.Image:
    """Mode L or RGB of a loaded image of any mode."""
    if image.mode in _WIDE_GREY:
        return _wide_grey_to_8_bit(image, background)
    if image.mode in ("F", "LAB"):
        name = {"F": "floating point numbers", "LAB": "the LAB colour space"}[image.mode]
        raise UnusableImage(f"pixels in {name} have no stated range")
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA", "La")
        # Pillow converts La and RGBa (alpha multiplied in) only to their plain counterparts.
        plain = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
        layer = (image.convert(plain) if plain else image).convert("RGBA")
        ground = Image.new("RGBA", layer.size, (background, background, background, 255))
        return Image.alpha_composite(ground, layer).convert("L" if grey else "RGB")
    if image.mode in ("L", "RGB"):
        return image  # its pixels are in memory: closing the file leaves them
    return image.convert("L" if image.mode == "1" else "RGB")


def _wide_grey_to_8_bit(image: Image.Image, background: int) -> Image.Image:
    """Grey of 16 bits over its full range, 0..65535 to 0..255, rounded."""
    wide = np.asarray(image).astype(np.int64)
    if wide.size and (wide.min() < 0 or wide.max() > 65535):
        raise UnusableImage("32-bit grey values outside 0..65535 have no stated range")
    narrow = ((wide + 128) // 257).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        narrow[wide == transparent] = background
    return Image.fromarray(narrow)


_held = 0
_lock = Lock()
_saved: tuple[warnings.catch_warnings[Any], bool] | None = None


@contextmanager
def _pillow_held() -> Iterator[None]:
    """Pillow's warnings silent and its tolerance of truncated files off, while any thread decodes.

    Both are global to the process. The first thread to enter sets them and the last to leave puts
    them back, so threads that overlap never restore each other's state; only warnings that come
    from Pillow's own modules are hidden.
    """
    global _held, _saved  # noqa: PLW0603
    with _lock:
        if _held == 0:
            catcher: warnings.catch_warnings[Any] = warnings.catch_warnings()
            catcher.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\.")
            _saved = (catcher, ImageFile.LOAD_TRUNCATED_IMAGES)
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        _held += 1
    try:
        yield
    finally:
        with _lock:
            _held -= 1
            if _held == 0 and _saved is not None:
                _saved[0].__exit__(None, None, None)
                ImageFile.LOAD_TRUNCATED_IMAGES = _saved[1]
                _saved = None
