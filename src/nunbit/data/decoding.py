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
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from nunbit.data.formats import dicom, heif, jpeg2000, png, tiff
from nunbit.data.formats.foreign import ForeignImage
from nunbit.data.formats.headers import bits_of, jpeg2000_header
from nunbit.data.formats.unread import unread_kind
from nunbit.data.formats.wide import (
    WIDE_GREY,
    ValueRange,
    lower_bytes,
    of_whole_numbers,
    to_bytes,
)
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
Transparency: TypeAlias = Literal["show", "ignore"]
_WITH_ALPHA = ("RGBA", "RGBa", "LA", "La")
Frame: TypeAlias = Literal["first", "middle", "max", "mean"]
"""Which of several frames, pages or planes is used, or how they become one picture."""
MAX_FRAMES = 1000
"""Frames that max and mean look at; of a longer file they are spread evenly."""


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
    with _pillow_held():
        image = _open(data)
        if isinstance(image, ForeignImage):
            return image.facts
        with image:
            return _pillow_facts(data, image)


def _pillow_facts(data: bytes, image: Image.Image) -> ImageFacts:
    exif = Image.Exif() if _is_png_without_exif(data) else _exif(image)
    orientation = _orientation(exif)
    width, height = image.size
    # Pillow already reports a TIFF's size after its rotation, and turns it when loading.
    if orientation in (5, 6, 7, 8) and image.format != "TIFF":
        width, height = height, width
    tags = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    frames = _frames(image)
    return ImageFacts(
        width=width,
        height=height,
        mode=image.mode,
        format=str(image.format),
        frames=frames,
        bytes=len(data),
        rotated=orientation in _TURNS,
        transparent=image.has_transparency_data and not _has_fourth_band(image),
        camera=_camera(exif),
        taken=_taken(exif),
        bits=bits_of(data, image),
        channels=0 if tags is None else tiff.channels_of(tags),
        layers="" if tags is None else tiff.told_layers(tags, frames),
        range_high=float(png.stated_largest(data) if tags is None else tiff.largest_value(tags)),
    )


def decode(
    data: bytes,
    *,
    max_pixels: int,
    background: int,
    value_range: ValueRange = "full",
    frame: Frame = "first",
    transparency: Transparency = "show",
    enough: tuple[int, int] | None = None,
) -> Image.Image:
    """The upright picture of an image file as Pillow mode L or RGB, transparency resolved.

    Args:
        data: the file's content.
        max_pixels: more of them are refused before they are decoded.
        background: grey value that transparency shows.
        value_range: what becomes black and white in samples of more than 8 bits.
        frame: which of several frames, or how they become one.
        transparency: show the background through it, or ignore it, as a band of a map.
        enough: (height, width): a JPEG may be decoded at 1/2, 1/4 or 1/8 of its size as long as
            both sides stay at least that long.

    Raises:
        UnusableImage: with the reason.
    """
    with _pillow_held():
        image = _open(data)
        if isinstance(image, ForeignImage):
            _check_size((image.facts.width, image.facts.height), max_pixels)
            numbers = chosen(image.facts.frames, frame)
            return _combined((_plane(image, n, value_range) for n in numbers), frame)
        with image:
            draft = None
            if enough is not None and isinstance(image, ImageFile.ImageFile):
                turned = _orientation(_exif(image)) in (5, 6, 7, 8)
                draft = enough if turned else enough[::-1]
            pages = _pages(image, frame)
            return _combined(
                (
                    _upright(
                        page,
                        max_pixels=max_pixels,
                        background=background,
                        draft=draft,
                        value_range=value_range,
                        opaque=transparency == "ignore",
                        again=_again(data, page) if value_range != "full" else None,
                    )
                    for page in pages
                ),
                frame,
            )


def _plane(image: ForeignImage, number: int, value_range: ValueRange) -> Image.Image:
    values = image.plane(number)
    narrow = to_bytes(values, value_range) if image.facts.wide else values
    return Image.fromarray(np.ascontiguousarray(narrow))


def wide_values(data: bytes, *, max_pixels: int, frame: Frame) -> list[NDArray[Any]]:
    """The samples of more than 8 bits that `decode` would make bytes: those of each used frame.

    [h, w] or [h, w, 3] each, upright or not. None of a file of 8 bits. Raises `UnusableImage`.
    """
    with _pillow_held():
        image = _open(data)
        if isinstance(image, ForeignImage):
            _check_size((image.facts.width, image.facts.height), max_pixels)
            if not image.facts.wide:
                return []
            return [image.plane(n) for n in chosen(image.facts.frames, frame)]
        with image:
            found = []
            for page in _pages(image, frame):
                _check_size(page.size, max_pixels)
                try:
                    again = _again(data, page)
                    page.load()
                    values = _wide_samples(page, again)
                except (UnusableImage, MemoryError):
                    raise
                except Exception as error:  # as in `decode`
                    raise _damage(error) from None
                if values is not None:
                    found.append(values if values.ndim == 2 else values[..., :3])
            return found


def decode_opened(
    image: Image.Image, *, max_pixels: int, background: int, value_range: ValueRange = "full"
) -> Image.Image:
    """An image that Pillow has opened or made, as `decode` gives it; it is only read.

    Of several frames it is the one that the image stands at. Of colours that Pillow has made
    8 bits of already, the upper 8 of 16 are what it kept. Raises `UnusableImage`.
    """
    with _pillow_held():
        return _upright(
            image, max_pixels=max_pixels, background=background, value_range=value_range
        )


def chosen(count: int, frame: Frame) -> list[int]:
    """Numbers of the frames that are decoded, of so many."""
    if frame == "first" or count <= 1:
        return [0]
    if frame == "middle":
        return [count // 2]
    step = -(-count // MAX_FRAMES)
    return list(range(0, count, step))


def _pages(image: Image.Image, frame: Frame) -> Iterator[Image.Image]:
    """The frames that count, one after the other; those of another size than the first do not."""
    count = 1 if frame == "first" else _frames(image)
    if count <= 1:
        yield image
        return
    size = image.size
    alike = [n for n in range(count) if _seek(image, n) and image.size == size]
    for number in chosen(len(alike), frame):
        _seek(image, alike[number])
        yield image


def _seek(image: Image.Image, number: int) -> bool:
    """Stand at a frame; False where it is broken."""
    try:
        image.seek(number)
    except MemoryError:
        raise
    except Exception as error:  # as in `decode`
        if number == 0:
            raise _damage(error) from None
        return False
    return True


def _combined(pictures: Iterator[Image.Image], frame: Frame) -> Image.Image:
    """One picture of several in mode L or RGB and of one size: the only one, or by max or mean."""
    first = next(pictures)
    if frame not in ("max", "mean"):
        return first
    total, count = np.asarray(first).astype(np.uint32), 1
    for picture in pictures:
        values = np.asarray(picture if picture.mode == first.mode else picture.convert(first.mode))
        if values.shape != total.shape:
            continue
        count += 1
        total = np.maximum(total, values) if frame == "max" else total + values
    if frame == "mean":
        total = (total + count // 2) // count
    return Image.fromarray(total.astype(np.uint8))


def _again(data: bytes, image: Image.Image) -> Image.Image | None:
    """The same file and frame, opened a second time for the lower bytes of wide colour."""
    if image.mode not in ("RGB", "RGBA") or bits_of(data, image) <= 8:
        return None
    if png.is_grey_with_alpha(data):
        return png.grey_with_alpha(data)
    again = Image.open(io.BytesIO(data), formats=_available_formats())
    with suppress(EOFError):
        again.seek(image.tell())
    return again


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise UnusableImage(
            f"enormous: {width} x {height} pixels, the limit is {max_pixels:,} pixels"
        )
    if width * height == 0:
        raise UnusableImage("no pixels")


def _upright(
    image: Image.Image,
    *,
    max_pixels: int,
    background: int,
    value_range: ValueRange = "full",
    draft: tuple[int, int] | None = None,
    again: Image.Image | None = None,
    opaque: bool = False,
) -> Image.Image:
    """Mode L or RGB; `draft` (width, height) is what a JPEG's reduced decoding must reach.

    `again` is the image opened a second time, where it has wide colours; `opaque` leaves its alpha
    channel out.
    """
    _check_size(image.size, max_pixels)
    try:
        if draft is not None:
            image.draft(None, draft)
        image.load()
        turn = _TURNS.get(_orientation(_exif(image)))
        opaque = opaque or _has_fourth_band(image)
        if value_range != "full" or image.mode in WIDE_GREY:
            image = _narrowed(image, again, background, value_range)
        if opaque and image.mode in _WITH_ALPHA:
            image = _without_alpha(image)
        upright = image if turn is None else image.transpose(turn)
        return _to_grey_or_rgb(upright, background)
    except (UnusableImage, MemoryError):
        raise
    except Exception as error:  # each of Pillow's decoders has its own ways to fail
        raise _damage(error) from None


def _wide_samples(image: Image.Image, again: Image.Image | None) -> NDArray[Any] | None:
    """All bits of a loaded image, [h, w] or [h, w, 3 or 4]; None of one of 8 bits."""
    if image.mode in WIDE_GREY:
        values = of_whole_numbers(image)
        tags = getattr(image, "tag_v2", None)
        if tags is not None and tiff.is_inverted(tags):
            values = tiff.inverted(values, tags)
        return values
    if again is None:
        return None
    if again.mode == "RGBA" and again.info.get("wide") is not None:
        return np.asarray(again.info["wide"])
    lower = lower_bytes(again)
    if lower is None:
        raise UnusableImage(
            "colours of more than 8 bits in a form that Pillow gives 8 bits of: save it as RGB "
            "with 16 bits, or as 8 bits"
        )
    upper = np.asarray(image).astype(np.uint16)
    return np.asarray(upper << 8 | np.asarray(lower))


def _narrowed(
    image: Image.Image, again: Image.Image | None, background: int, value_range: ValueRange
) -> Image.Image:
    """An image whose wide samples are bytes; alpha keeps its upper byte. Others as they are."""
    values = _wide_samples(image, again)
    if values is None:
        return image
    if values.ndim == 3:
        narrow = to_bytes(values[..., :3], value_range)
        if values.shape[2] == 4:
            alpha = (values[..., 3:] >> 8).astype(np.uint8)
            narrow = np.concatenate([narrow, alpha], axis=2)
        return Image.fromarray(np.ascontiguousarray(narrow))
    narrow = to_bytes(values, value_range)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        narrow[values == transparent] = background
    return Image.fromarray(narrow)


def _without_alpha(image: Image.Image) -> Image.Image:
    """The colours as they are stored, whatever the alpha channel says."""
    bands = image.split()[:-1]
    return bands[0] if len(bands) == 1 else Image.merge("RGB", bands)


def _has_fourth_band(image: Image.Image) -> bool:
    """A GeoTIFF whose fourth channel looks like transparency to Pillow."""
    return (
        image.format == "TIFF"
        and image.mode in ("RGBA", "RGBX", "RGBa")
        and tiff.is_geographic(getattr(image, "tag_v2", {}))
    )


def as_stored(data: bytes, *, longest: int) -> tuple[Image.Image, tuple[int, int]]:
    """The first frame as its file holds it, made small, and its width and height in full.

    For looking at what `decode` does: nothing is turned, and transparency is dropped. Mode L or
    RGB, the longer side at most `longest` pixels. Raises `UnusableImage`.
    """
    with _pillow_held():
        image = _open(data)
        if isinstance(image, ForeignImage):
            values = image.plane(0)
            shown = _stretched(values) if image.facts.wide else Image.fromarray(values)
            shown.thumbnail((longest, longest))
            return shown, (image.facts.width, image.facts.height)
    with _pillow_held(), image:
        size = image.size
        try:
            if isinstance(image, ImageFile.ImageFile):
                image.draft(None, (longest, longest))
            image.load()
            if image.mode in WIDE_GREY:
                shown = _stretched(of_whole_numbers(image))
            else:
                shown = image.convert("L" if image.mode in ("1", "L") else "RGB")
        except (UnusableImage, MemoryError):
            raise
        except Exception as error:  # as in `decode`
            raise _damage(error) from None
    shown.thumbnail((longest, longest))
    return shown, size


def _stretched(values: NDArray[Any]) -> Image.Image:
    """Wide samples from their darkest to their brightest, to be looked at only."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    clean = np.nan_to_num(values, nan=low) if values.dtype.kind == "f" else values
    return Image.fromarray(to_bytes(clean, (low, max(high, low + 1e-12))))


def _open(data: bytes) -> Image.Image | ForeignImage:
    """Image.open over bytes, or what an extra reads; failures as `UnusableImage`."""
    if not data:
        raise UnusableImage("zero bytes")
    try:
        image = Image.open(io.BytesIO(data), formats=_available_formats())
        return _read_otherwise(data, image) or image
    except UnidentifiedImageError:
        return _open_with_extra(data)
    except UnusableImage:
        raise
    except Image.DecompressionBombError:
        limit = f"{LARGEST_MAX_PIXELS:,}"
        raise UnusableImage(f"enormous: more than {limit} pixels") from None
    except MemoryError:
        raise
    except Exception as error:  # as in `decode`
        raise _cut_webp(data) or _damage(error) from None


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
    if dicom.is_dicom(data):
        return dicom.open_dicom(data)
    named = unread_kind(data)
    if data.startswith(tiff.BEGINNINGS) and not named:
        return tiff.foreign_tiff(data, None, "")
    raise UnusableImage(named or _why_not_an_image(data))


@cache
def _available_formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow has; asking for another would raise KeyError."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _why_not_an_image(data: bytes) -> str:
    """The reason for content that no decoder recognises."""
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"):
        return "damaged: it begins like AVIF, but its header cannot be read"
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
    if image.mode == "LAB":
        raise UnusableImage("pixels in the LAB colour space have no stated range")
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
