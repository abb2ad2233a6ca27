"""One image of every odd kind, written with Pillow.

The picture is 40 x 30: red, green, blue and white quarters (top left, top right, bottom left,
bottom right), so that a canvas shows whether it stands upright and in the right colours.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, features

WIDTH, HEIGHT = 40, 30
QUARTERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
GREY_QUARTERS = (0, 85, 170, 255)


@dataclass(frozen=True)
class OddImage:
    """A file and what must become of it."""

    name: str
    data: bytes
    reason: str = ""
    """How the reason for not using it begins; '' for a usable one."""
    counts: bool = True
    """It is an image or should be one; False for a sidecar."""
    quarters: tuple[tuple[int, int, int], ...] = QUARTERS
    """RGB of the quarters under background 255, for a usable one."""
    tolerance: int = 3


def picture() -> Image.Image:
    """The RGB picture."""
    pixels = np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8)
    for (rows, columns), colour in zip(_corners(), QUARTERS, strict=True):
        pixels[rows, columns] = colour
    return Image.fromarray(pixels)


def grey_picture(dtype: Any = np.uint8, scale: int = 1) -> np.ndarray[Any, Any]:
    """[30, 40] the quarters as grey values times `scale`."""
    pixels = np.empty((HEIGHT, WIDTH), dtype=dtype)
    for (rows, columns), grey in zip(_corners(), GREY_QUARTERS, strict=True):
        pixels[rows, columns] = grey * scale
    return pixels


def alpha_picture() -> Image.Image:
    """Mode L: opaque but for the bottom right quarter, which is fully transparent."""
    alpha = np.full((HEIGHT, WIDTH), 255, dtype=np.uint8)
    alpha[HEIGHT // 2 :, WIDTH // 2 :] = 0
    return Image.fromarray(alpha)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int) -> Image.Image:
    """The picture as a camera stores it, so that the EXIF orientation makes it upright."""
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    return picture() if undo is None else picture().transpose(undo)


def exif(orientation: int) -> Image.Exif:
    """An EXIF block that holds an orientation."""
    block = Image.Exif()
    block[ExifTags.Base.Orientation] = orientation
    return block


def png(header: tuple[int, int, int, int], rows: bytes, transparent: bytes = b"") -> bytes:
    """A PNG of (width, height, depth, colour type) and raw rows: kinds that Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))]
    if transparent:
        parts.append(chunk(b"tRNS", transparent))
    parts += [chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_rows(pixels: np.ndarray[Any, Any]) -> bytes:
    """Rows of a 16-bit PNG without filters."""
    return b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)


def odd_images() -> tuple[OddImage, ...]:
    """All of them, usable and not."""
    return (*_formats(), *_modes(), *_transparent(), *_frames(), *_rotated(), *_unusable())


def write_odd_images(folder: Path) -> dict[str, OddImage]:
    """Write each into a folder; name to image."""
    folder.mkdir(parents=True, exist_ok=True)
    odd = {image.name: image for image in odd_images()}
    for image in odd.values():
        (folder / image.name).write_bytes(image.data)
    return odd


def _corners() -> tuple[tuple[slice, slice], ...]:
    top, bottom = slice(0, HEIGHT // 2), slice(HEIGHT // 2, HEIGHT)
    left, right = slice(0, WIDTH // 2), slice(WIDTH // 2, WIDTH)
    return ((top, left), (top, right), (bottom, left), (bottom, right))


def _grey(*values: int) -> tuple[tuple[int, int, int], ...]:
    return tuple((v, v, v) for v in values)


def _formats() -> Iterator[OddImage]:
    rgb = picture()
    for kind, name in (
        ("JPEG", "plain.jpg"),
        ("PNG", "plain.png"),
        ("BMP", "plain.bmp"),
        ("GIF", "plain.gif"),
        ("TIFF", "plain.tif"),
        ("WEBP", "plain.webp"),
        ("PPM", "plain.ppm"),
        ("PCX", "plain.pcx"),
        ("SGI", "plain.sgi"),
        ("DDS", "plain.dds"),
    ):
        options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
        yield OddImage(name, encoded(rgb, kind, **options.get(kind, {})))
    yield OddImage("icon.ico", encoded(rgb, "ICO", sizes=[(WIDTH, HEIGHT)]))
    if features.check("jpg_2000"):
        yield OddImage("plain.jp2", encoded(rgb, "JPEG2000"))
    if features.check("avif"):
        data = encoded(rgb, "AVIF", quality=100, subsampling="4:4:4")
        yield OddImage("plain.avif", data, tolerance=6)
    second = Image.new("RGB", (WIDTH, HEIGHT), "black")
    yield OddImage(
        "camera.jpg",
        encoded(rgb, "MPO", save_all=True, append_images=[second], quality=95, subsampling=0),
        tolerance=4,
    )
    yield OddImage("png_inside.jpg", encoded(rgb, "PNG"))
    yield OddImage("jpeg_inside.png", encoded(rgb, "JPEG", quality=95, subsampling=0))
    yield OddImage("without_extension", encoded(rgb, "PNG"))
    yield OddImage("image_inside.txt", encoded(rgb, "PNG"))


def _modes() -> Iterator[OddImage]:
    grey = _grey(*GREY_QUARTERS)
    narrow = Image.fromarray(grey_picture())
    yield OddImage("grey.png", encoded(narrow, "PNG"), quarters=grey)
    yield OddImage("grey.jpg", encoded(narrow, "JPEG", quality=95), quarters=grey)
    black_white = narrow.point(lambda value: 255 * (value > 100)).convert("1")
    yield OddImage("one_bit.png", encoded(black_white, "PNG"), quarters=_grey(0, 0, 255, 255))
    yield OddImage("palette.png", encoded(picture().quantize(8), "PNG"))
    wide = grey_picture(np.uint16, 257)
    yield OddImage("grey_16_bit.png", encoded(Image.fromarray(wide), "PNG"), quarters=grey)
    big_endian = Image.frombytes("I;16B", (WIDTH, HEIGHT), wide.astype(">u2").tobytes())
    yield OddImage("grey_16_bit_big_endian.tif", encoded(big_endian, "TIFF"), quarters=grey)
    integers = Image.fromarray(wide.astype(np.int32))
    yield OddImage("grey_32_bit_small_values.tif", encoded(integers, "TIFF"), quarters=grey)
    colour = png_rows(np.asarray(picture()).astype(np.uint16) * 257)
    yield OddImage("colour_16_bit.png", png((WIDTH, HEIGHT, 16, 2), colour))
    cmyk = picture().convert("CMYK")
    yield OddImage("cmyk.jpg", encoded(cmyk, "JPEG", quality=95, subsampling=0), tolerance=6)
    yield OddImage("cmyk.tif", encoded(cmyk, "TIFF"))
    ycbcr = picture().convert("YCbCr")
    yield OddImage("ycbcr.tif", encoded(ycbcr, "TIFF", compression="jpeg", quality=95), tolerance=4)


def _transparent() -> Iterator[OddImage]:
    shown = QUARTERS  # the transparent quarter shows the white background
    hidden = picture()
    hidden.paste((9, 9, 9), (WIDTH // 2, HEIGHT // 2, WIDTH, HEIGHT))
    with_alpha = hidden.copy()
    with_alpha.putalpha(alpha_picture())
    yield OddImage("alpha.png", encoded(with_alpha, "PNG"), quarters=shown)
    yield OddImage("alpha.webp", encoded(with_alpha, "WEBP", lossless=True), quarters=shown)
    yield OddImage("alpha.tif", encoded(with_alpha, "TIFF"), quarters=shown)
    transparent = (9, 9, 9)
    yield OddImage("transparent_colour.png", encoded(hidden, "PNG", transparency=transparent))
    yield OddImage("palette_alpha.png", encoded(with_alpha.quantize(8), "PNG"))
    palette = hidden.quantize(4)
    index = palette.getpixel((WIDTH - 1, HEIGHT - 1))
    yield OddImage("palette_transparent.gif", encoded(palette, "GIF", transparency=index))
    grey = _grey(0, 85, 170, 255)
    values = grey_picture()
    values[HEIGHT // 2 :, WIDTH // 2 :] = 9
    grey_alpha = Image.merge("LA", (Image.fromarray(values), alpha_picture()))
    yield OddImage("grey_alpha.png", encoded(grey_alpha, "PNG"), quarters=grey)
    narrow = Image.fromarray(values)
    yield OddImage("grey_transparent.png", encoded(narrow, "PNG", transparency=9), quarters=grey)
    wide = png_rows(values.astype(np.uint16) * 257)
    data = png((WIDTH, HEIGHT, 16, 0), wide, transparent=struct.pack(">H", 9 * 257))
    yield OddImage("grey_16_bit_transparent.png", data, quarters=grey)
    half = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 51))
    yield OddImage("faint.png", encoded(half, "PNG"), quarters=_grey(204, 204, 204, 204))


def _frames() -> Iterator[OddImage]:
    later = [Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in ("black", "yellow")]
    for kind, name in (
        ("GIF", "animated.gif"),
        ("PNG", "animated.png"),
        ("WEBP", "animated.webp"),
        ("TIFF", "pages.tif"),
    ):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(picture(), kind, save_all=True, append_images=later, **options)
        yield OddImage(name, data)


def _rotated() -> Iterator[OddImage]:
    for orientation in range(1, 9):
        stored = turned(orientation)
        data = encoded(stored, "JPEG", exif=exif(orientation), quality=95, subsampling=0)
        yield OddImage(f"exif_{orientation}.jpg", data)
    for kind, name in (("PNG", "exif_6.png"), ("WEBP", "exif_6.webp"), ("TIFF", "exif_6.tif")):
        options = {"lossless": True} if kind == "WEBP" else {}
        yield OddImage(name, encoded(turned(6), kind, exif=exif(6), **options))
    broken = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0" * 3
    data = encoded(picture(), "JPEG", exif=broken, quality=95, subsampling=0)
    yield OddImage("exif_broken.jpg", data)


def _unusable() -> Iterator[OddImage]:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    rich = Image.fromarray(noise)
    for kind, suffix in (
        ("JPEG", "jpg"),
        ("PNG", "png"),
        ("BMP", "bmp"),
        ("GIF", "gif"),
        ("WEBP", "webp"),
        ("TIFF", "tif"),
    ):
        data = encoded(rich, kind)
        yield OddImage(f"truncated.{suffix}", data[: len(data) // 2], "truncated")
    yield OddImage("empty.jpg", b"", "zero bytes")
    yield OddImage("text.jpg", b"This is no image.\n" * 20, "not an image")
    yield OddImage("page.png", b"<!doctype html><title>404</title>", "a web page")
    yield OddImage("header_only.jpg", b"\xff\xd8\xff\xe0", "damaged: it begins like JPEG")
    phone = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    yield OddImage("phone.heic", phone, "damaged: a HEIC")
    bomb = png((60_000, 60_000, 8, 2), bytes(100))
    yield OddImage("bomb.png", bomb, "enormous")
    vast = png((11_000, 10_000, 1, 0), bytes(1376 * 10_000))
    yield OddImage("vast.png", vast, "enormous: 11000 × 10000 pixels")
    floating = Image.fromarray(np.linspace(0, 1, 1200, dtype=np.float32).reshape(30, 40))
    yield OddImage("floating.tif", encoded(floating, "TIFF"), "pixels in floating point")
    large = Image.fromarray(np.full((30, 40), 1_000_000, dtype=np.int32))
    yield OddImage("grey_32_bit.tif", encoded(large, "TIFF"), "grey values outside of 0..65535")
    lab = Image.frombytes("LAB", (WIDTH, HEIGHT), bytes(3 * WIDTH * HEIGHT))
    yield OddImage("lab.tif", encoded(lab, "TIFF"), "pixels in the LAB colour space")
    yield OddImage("notes.txt", b"taken in May\n", "not an image", counts=False)
    yield OddImage("labels.csv", b"a.jpg,cat\n", "not an image", counts=False)
