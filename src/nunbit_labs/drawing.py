"""Figures, arrays of pixels and films as outputs.

H height and W width in pixels, C channels (1, 3 or 4).
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageColor

from nunbit.errors import UsageError
from nunbit.reports.kit.charts import inline_svg
from nunbit_labs.outputs import Animation, Picture
from nunbit_labs.style import CYCLE, VARIABLES

T = TypeVar("T")
PAGE_PIXELS_PER_INCH = 100
PNG_PIXELS_PER_INCH = 150
MAX_SVG_BYTES = 400_000
"""Drawings of more elements than that are shown as PNG."""
MAX_GIF_BYTES = 1_000_000
GIF_COLOURS = 64


def picture_of(figure: Figure, *, description: str, caption: str = "") -> Picture:
    """A figure of matplotlib: SVG where that is small, PNG otherwise."""
    png = figure_png(figure, pixels_per_inch=PNG_PIXELS_PER_INCH)
    # The name parts the ids of one drawing from those of others in the page; the same drawing
    # always has the same.
    name = f"drawing-{zlib.crc32(png):08x}"
    svg = inline_svg(figure, name=name, description=description, variables=VARIABLES)
    return Picture(
        png=png,
        svg=svg if len(svg) <= MAX_SVG_BYTES else None,
        description=description,
        width=round(figure.get_figwidth() * PAGE_PIXELS_PER_INCH),
        caption=caption,
    )


def picture_of_pixels(
    pixels: NDArray[np.uint8], *, description: str, width: int | None = None, caption: str = ""
) -> Picture:
    """An image, uint8 [H, W] or [H, W, C], in the page `width` pixels wide.

    Small ones are enlarged so that each pixel is a square.
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    shown = max(image.width, 224) if width is None else width
    times = max(1, round(shown / image.width))
    enlarged = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    png = _encoded(enlarged, "PNG")
    return Picture(png=png, description=description, width=shown, caption=caption)


def film(
    draw: Callable[[Figure, T], object],
    moments: Iterable[T],
    *,
    size: tuple[float, float],
    description: str,
    seconds: float,
    caption: str = "",
) -> Animation:
    """A GIF with one frame for each of `moments`, drawn by `draw` into an empty figure.

    `size` is in inches of 100 pixels, `seconds` the time of each frame; the last stands longer.

    Raises:
        UsageError: when there are no frames, or the film is larger than a page should carry.
    """
    frames: list[Image.Image] = []
    for moment in moments:
        figure = Figure(figsize=size, layout="constrained")
        draw(figure, moment)
        frames.append(Image.open(io.BytesIO(figure_png(figure, pixels_per_inch=100))))
    if not frames:
        raise UsageError("a film needs at least one frame")
    # One palette for all frames: colours stay the same, and what stands still costs nothing.
    palette = _palette(frames)
    few = [_with_palette(frame, palette) for frame in frames]
    buffer = io.BytesIO()
    times = [round(1000 * seconds)] * (len(few) - 1) + [max(2000, round(1000 * seconds))]
    few[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=few[1:],
        duration=times,
        loop=0,
        optimize=False,
        disposal=1,
    )
    if len(buffer.getvalue()) > MAX_GIF_BYTES:
        raise UsageError(
            f"the film has {len(buffer.getvalue()) / 1e6:.1f} MB, more than a page should carry",
            remedy="draw fewer frames, or a smaller figure",
        )
    return Animation(
        gif=buffer.getvalue(),
        last_frame=_encoded(frames[-1], "PNG"),
        description=description,
        width=round(size[0] * 100),
        caption=caption,
    )


def figure_png(figure: Figure, *, pixels_per_inch: int) -> bytes:
    """The figure as PNG."""
    buffer = io.BytesIO()
    no_metadata: dict[str, Any] = {"Software": None}
    figure.savefig(buffer, format="png", dpi=pixels_per_inch, metadata=no_metadata)
    return buffer.getvalue()


def _palette(frames: list[Image.Image]) -> NDArray[np.uint8]:
    """[colours, 3]: the commonest and the style's own as they are, and means of the others.

    So areas stay pure, and thin lines of several colours do not fade into one.
    """
    chosen = [frames[0], frames[len(frames) // 2], frames[-1]]
    joined = Image.fromarray(np.concatenate([_pixels(frame) for frame in chosen]))
    counted = joined.getcolors(joined.width * joined.height) or []
    largest = sorted(counted, reverse=True)[: GIF_COLOURS // 4]
    there = {colour for _, colour in counted}
    lines = [colour for name in CYCLE if (colour := ImageColor.getrgb(name)) in there]
    kept = list(dict.fromkeys([*(colour for _, colour in largest), *lines]))
    common = np.array(kept, dtype=np.uint8)
    means = joined.quantize(GIF_COLOURS - len(common), dither=Image.Dither.NONE).getpalette() or []
    return np.concatenate([common, np.array(means, dtype=np.uint8).reshape(-1, 3)])


def _with_palette(frame: Image.Image, palette: NDArray[np.uint8]) -> Image.Image:
    """Each pixel as the nearest colour of the palette."""
    pixels = _pixels(frame)
    packed = pixels.reshape(-1, 3) @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32)
    found, rows = np.unique(packed, return_inverse=True)
    colours = np.column_stack([found >> 16, (found >> 8) & 255, found & 255])
    # Pillow's own search among the palette is not exact, and white would become a pale grey.
    distances = np.square(colours[:, None].astype(np.int32) - palette[None]).sum(axis=2)
    nearest = distances.argmin(axis=1).astype(np.uint8)[rows].reshape(pixels.shape[:2])
    image = Image.fromarray(nearest, mode="P")
    image.putpalette(palette.ravel().tolist())
    return image


def _pixels(frame: Image.Image) -> NDArray[np.uint8]:
    """Red, green and blue: uint8 [H, W, 3]."""
    return np.asarray(frame.convert("RGB"))


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind)
    return buffer.getvalue()
