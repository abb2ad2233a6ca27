"""The conformance kit: raw files of every odd kind, by which any reader of an export is tested.

The files are drawn, so they belong to nobody and are the same everywhere. With each goes the
canvas that nunbit makes of it and the answer that it gives, so that a reader that differs finds
out where: when it decodes, when it resizes, or in the network.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from nunbit.data.formats import png
from nunbit.data.preprocess import Preprocess

WIDTH, HEIGHT = 320, 240
"""Pixels of most pictures; neither a square nor the size of any canvas."""


@dataclass(frozen=True, kw_only=True)
class KitFile:
    """One raw file of the kit."""

    name: str
    data: bytes
    about: str
    """Oddity of the file."""
    browsers: bool = True
    """True if browsers decode this kind of file, and to the same pixels."""
    frames: int = 1
    """Number of frames, of which browsers show the first."""
    alpha: bool = False
    """True if browsers give no colours but what shows through the transparency."""

    def in_browsers(self, contract: Preprocess) -> bool:
        """Tell whether browsers decode it as the contract says; a page must refuse it otherwise."""
        one_frame = self.frames == 1 or contract.frame == "first"
        return self.browsers and one_frame and not (self.alpha and contract.transparency != "show")


@cache
def kit_files() -> tuple[KitFile, ...]:
    """Draw all files of the kit, once in a process.

    Kinds that this build of Pillow cannot write are left out.
    """
    return tuple(file for make in _KINDS for file in make(drawn_picture()))


def drawn_picture(height: int = HEIGHT, width: int = WIDTH) -> Image.Image:
    """A colourful RGB picture without any symmetry, smooth in places and sharp in others."""
    return Image.fromarray(np.rint(_drawn(height, width)).astype(np.uint8))


def _drawn(height: int, width: int) -> NDArray[np.float64]:
    """Its samples before they are rounded, [h, w, 3], 0 to 255."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    y, x = y / height, x / width
    red = 128 + 100 * np.sin(7 * x + 3 * y)
    green = 255 * (0.2 + 0.6 * x * (1 - y) + 0.2 * y)
    blue = 128 + 110 * np.cos(11 * y * (1 + x))
    pixels = np.stack([red, green, blue], axis=2)
    ring = np.hypot(x - 0.3, (y - 0.35) * height / width)
    pixels[(ring > 0.08) & (ring < 0.12)] = (250, 240, 30)
    bars = (x > 0.65) & (y > 0.55) & ((x * width).astype(int) // 5 % 2 == 0)
    pixels[bars] = (10, 10, 40)
    pixels[: max(1, height // 12), : max(1, width // 6)] = (235, 20, 20)
    return np.asarray(np.clip(pixels, 0, 255))


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _jpegs(picture: Image.Image) -> Iterator[KitFile]:
    for name, options, about in (
        ("444", {"subsampling": 0, "quality": 92}, "JPEG, full colour resolution"),
        ("422", {"subsampling": 1, "quality": 85}, "JPEG, colour halved in width (4:2:2)"),
        ("420", {"subsampling": 2, "quality": 80}, "JPEG, colour halved both ways (4:2:0)"),
        ("progressive", {"progressive": True, "quality": 85}, "progressive JPEG"),
    ):
        yield KitFile(name=f"jpeg_{name}.jpg", data=_saved(picture, "JPEG", **options), about=about)
    yield KitFile(
        name="jpeg_grey.jpg",
        data=_saved(picture.convert("L"), "JPEG", quality=90),
        about="grey JPEG",
    )
    yield KitFile(
        name="jpeg_cmyk.jpg",
        data=_saved(picture.convert("CMYK"), "JPEG", quality=92),
        about="JPEG in CMYK without a profile",
    )


def _turned(picture: Image.Image) -> Iterator[KitFile]:
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield KitFile(
            name=f"exif_{orientation}.jpg",
            data=_saved(picture, "JPEG", quality=88, subsampling=0, exif=exif),
            about=f"JPEG that is to be turned or mirrored (EXIF orientation {orientation})",
        )


def _pngs(picture: Image.Image) -> Iterator[KitFile]:
    alpha = np.linspace(0, 255, picture.width)[None, :].repeat(picture.height, axis=0)
    layer = Image.fromarray(np.rint(alpha).astype(np.uint8))
    see_through = picture.copy()
    see_through.putalpha(layer)
    grey = picture.convert("L")
    grey_see_through = Image.merge("LA", (grey, layer))
    palette = picture.quantize(32, dither=Image.Dither.NONE)
    yield KitFile(name="png_rgb.png", data=_saved(picture, "PNG"), about="PNG in RGB")
    yield KitFile(name="png_grey.png", data=_saved(grey, "PNG"), about="grey PNG")
    yield KitFile(
        name="png_rgba.png",
        data=_saved(see_through, "PNG"),
        about="PNG that is partly transparent",
        alpha=True,
    )
    yield KitFile(
        name="png_grey_alpha.png",
        data=_saved(grey_see_through, "PNG"),
        about="grey PNG that is partly transparent",
        alpha=True,
    )
    yield KitFile(name="png_palette.png", data=_saved(palette, "PNG"), about="PNG with a palette")
    yield KitFile(
        name="png_palette_transparent.png",
        data=_saved(palette, "PNG", transparency=3),
        about="PNG with a palette, one colour of which is transparent",
        alpha=True,
    )
    yield KitFile(
        name="png_1_bit.png",
        data=_saved(picture.convert("1", dither=Image.Dither.NONE), "PNG"),
        about="black and white PNG of one bit",
    )


def _wide(_: Image.Image) -> Iterator[KitFile]:
    """Samples of 16 bits, whose lower bytes matter; no browser gives them.

    Of grey 12 bits are used, and 16: a range shows one of them, the full range both.
    """
    height, width = HEIGHT // 2, WIDTH // 2
    drawn = _drawn(height, width) / 255
    colour = np.rint(65535 * drawn).astype(np.uint16)
    grey = drawn.mean(axis=2)
    alpha = np.linspace(0, 65535, width)[None, :].repeat(height, axis=0).astype(np.uint16)
    greys = {bits: np.rint((2**bits - 1) * grey).astype(np.uint16) for bits in (12, 16)}
    for bits, samples in greys.items():
        yield KitFile(
            name=f"png_16_bit_grey_{bits}.png",
            data=png.written(samples),
            about=f"grey PNG of 16 bits, of which {bits} are used",
            browsers=False,  # they keep the upper byte, where nunbit rounds
        )
        yield KitFile(
            name=f"tiff_16_bit_grey_{bits}.tif",
            data=_saved(Image.fromarray(samples), "TIFF", compression="tiff_lzw"),
            about=f"grey TIFF of 16 bits, of which {bits} are used",
            browsers=False,
        )
    for name, about, samples in (
        ("rgb", "PNG in RGB of 16 bits", colour),
        ("rgba", "partly transparent PNG in RGB of 16 bits", np.dstack([colour, alpha])),
        ("grey_alpha", "partly transparent grey PNG of 16 bits", np.dstack([greys[16], alpha])),
    ):
        yield KitFile(
            name=f"png_16_bit_{name}.png",
            data=png.written(samples),
            about=about,
            browsers=False,
            alpha=samples is not colour,
        )


def _several(_: Image.Image) -> Iterator[KitFile]:
    """Files of several pictures, which a contract may take another of than the first."""
    picture = drawn_picture(HEIGHT // 2, WIDTH // 2)
    later = [picture.transpose(Image.Transpose.ROTATE_180), picture.point(lambda v: 255 - v)]
    for name, kind, options, about in (
        ("gif_animated.gif", "GIF", {"duration": 200}, "GIF"),
        ("webp_animated.webp", "WEBP", {"lossless": True}, "lossless WebP"),
        ("png_animated.png", "PNG", {}, "PNG"),
        ("jpeg_several.jpg", "MPO", {"quality": 90, "subsampling": 0}, "JPEG"),
        ("tiff_pages.tif", "TIFF", {"compression": "tiff_lzw"}, "TIFF"),
    ):
        # Pillow keeps the settings of one format in the image, and stumbles over them in another.
        first, *more = (each.copy() for each in (picture, *later))
        yield KitFile(
            name=name,
            data=_saved(first, kind, save_all=True, append_images=more, **options),
            about=f"{about} of three frames or pages",
            browsers=kind != "TIFF",
            frames=3,
        )


def _others(picture: Image.Image) -> Iterator[KitFile]:
    yield KitFile(
        name="webp_lossy.webp", data=_saved(picture, "WEBP", quality=85), about="lossy WebP"
    )
    yield KitFile(
        name="webp_lossless.webp",
        data=_saved(picture, "WEBP", lossless=True),
        about="lossless WebP",
    )
    yield KitFile(name="bmp.bmp", data=_saved(picture, "BMP"), about="BMP")
    yield KitFile(
        name="tiff.tif",
        data=_saved(picture, "TIFF", compression="tiff_lzw"),
        about="TIFF",
        browsers=False,
    )
    if features.check("avif"):
        yield KitFile(name="avif.avif", data=_saved(picture, "AVIF", quality=80), about="AVIF")


def _sizes(_: Image.Image) -> Iterator[KitFile]:
    for name, (height, width), about in (
        ("tiny", (3, 2), "PNG of 2 × 3 pixels"),
        ("tall", (900, 60), "PNG much higher than wide"),
        ("wide", (40, 800), "PNG much wider than high"),
        ("large", (900, 1200), "PNG of a megapixel"),
    ):
        picture = drawn_picture(height, width)
        yield KitFile(name=f"size_{name}.png", data=_saved(picture, "PNG"), about=about)


_KINDS: tuple[Callable[[Image.Image], Iterator[KitFile]], ...] = (
    _jpegs,
    _turned,
    _pngs,
    _wide,
    _several,
    _others,
    _sizes,
)
