"""Weights, maps and attributions as pictures.

n pictures, C channels, H height, W width of an image; h height, w width of a map. A picture is
uint8 [height, width, 3] unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]

FOR, AGAINST = (196, 72, 10), (11, 98, 168)
"""Colours of what speaks for a class and against it: distinct in all common colour blindness."""
STRONGEST = 0.88
"""Share of colour over the image where a value reaches the scale's end."""
FADED = 0.45
"""Fraction of the image's own contrast that is left under a map, in light grey."""
QUANTILE = 0.995
"""Quantile of absolute values at which a scale ends: a few single pixels must not make all others
pale."""
GAP = 2
"""Pixels between the pictures of a grid, at their shown size."""
_MIDDLE = 127.5


def filter_pictures(weights: NDArray[np.float32], *, in_colour: bool) -> Picture:
    """Filters [n, C, h, w] as pictures, with middle grey for a weight of zero.

    In colour (C = 3): [n, h, w, 3]; else one grey picture for each channel: [n, C, h, w]. One scale
    for the whole layer, whose ends are plus and minus the quantile `QUANTILE` of all weights.
    """
    limit = scale_end(weights)
    shown: Picture = np.round(_MIDDLE * (1 + np.clip(weights / limit, -1, 1))).astype(np.uint8)
    return shown.transpose(0, 2, 3, 1) if in_colour else shown


def scale_end(values: NDArray[np.float32]) -> float:
    """The quantile `QUANTILE` of absolute values, at which a scale ends; positive."""
    absolute = np.abs(values)
    end = float(np.quantile(absolute, QUANTILE)) or float(absolute.max(initial=0.0))
    return end if end > 0 else 1.0


def map_picture(values: NDArray[np.float32], limits: tuple[float, float]) -> Picture:
    """A map [h, w] in matplotlib's viridis between two limits, low dark and high bright."""
    low, high = limits
    shares = (values - low) / (high - low) if high > low else np.zeros_like(values)
    colours = mpl.colormaps["viridis"](np.clip(shares, 0, 1), bytes=True)
    return np.ascontiguousarray(np.asarray(colours, dtype=np.uint8)[..., :3])


def overlay(canvas: Picture, values: NDArray[np.float32], limit: float) -> Picture:
    """A map [H, W] over its image, uint8 [H, W, C], which is faded and grey.

    What speaks for the class is orange, what speaks against it blue, the stronger the more, up to
    `limit`.
    """
    grey = canvas.astype(np.float64).mean(axis=2, keepdims=True)
    under = 255 - FADED * (255 - grey)
    strength = STRONGEST * np.clip(np.abs(values) / limit, 0, 1)[..., None]
    colour = np.where(values[..., None] >= 0, np.array(FOR), np.array(AGAINST))
    return np.asarray(np.round(under * (1 - strength) + colour * strength), dtype=np.uint8)


def as_rgb(canvas: Picture) -> Picture:
    """A canvas [H, W, 1 or 3] as [H, W, 3]."""
    return np.repeat(canvas, 3, axis=2) if canvas.shape[2] == 1 else canvas


def enlarged(picture: Picture, side: int) -> Picture:
    """Repeated in whole steps until the longer side has at least half of `side` pixels."""
    times = max(1, side // max(picture.shape[:2]))
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def grid(pictures: Sequence[Picture], *, columns: int, gap: int = GAP) -> Picture:
    """Pictures of one size beside and below each other, with white between them.

    Raises ValueError if there is none, or their sizes differ.
    """
    if not pictures or len({picture.shape for picture in pictures}) != 1:
        raise ValueError("a grid is made of pictures of one size")
    height, width, channels = pictures[0].shape
    rows = -(-len(pictures) // columns)
    across = min(columns, len(pictures))
    size = (rows * (height + gap) - gap, across * (width + gap) - gap, channels)
    whole = np.full(size, 255, dtype=np.uint8)
    for number, picture in enumerate(pictures):
        top, left = (number // columns) * (height + gap), (number % columns) * (width + gap)
        whole[top : top + height, left : left + width] = picture
    return whole


def squares(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values of units [C] in rows of a square [h, w] as wide as high; NaN where none is."""
    side = int(np.ceil(np.sqrt(len(values))))
    rows = -(-len(values) // side)
    whole = np.full(rows * side, np.nan, dtype=np.float32)
    whole[: len(values)] = values
    return whole.reshape(rows, side)


def png(picture: Picture) -> Image.Image:
    """A picture, uint8 [height, width] or [height, width, 1 or 3], ready to be saved."""
    return Image.fromarray(picture[..., 0] if picture.shape[2:] == (1,) else picture)
