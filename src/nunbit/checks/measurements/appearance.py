"""Brightness, contrast and sharpness of every image, by measures that fit any kind of data.

N samples, B images in a batch, H height, W width, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.chunks import chunk_slices

ONE_COLOUR = 3
"""Grey levels between the lowest and the highest value of a channel; JPEG may add one or two."""
_NOISE = 0.5
"""Energy that rounding to whole grey levels alone may cause; it decides nothing."""
_PERCENTILE_PIXELS = 4096
_STEP_PIXELS = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Measurements of each sample, [N]; not a number where an image was not seen.

    Colour is first made grey as (R + 2G + B) / 4.
    """

    brightness: NDArray[np.float32]
    """Mean grey level, 0..255."""
    contrast: NDArray[np.float32]
    """Standard deviation of the grey levels."""
    sharpness: NDArray[np.float32]
    """Mean square of the discrete Laplacian over the variance: blurring takes it away, a change of
    brightness or contrast does not. Not a number where the grey level never changes."""
    fineness: NDArray[np.float32]
    """Mean square of the Laplacian over that of the image at half its size. It depends less on
    what is shown than `sharpness` does: any sharp edge has about one half, a blurred one less."""
    highlights: NDArray[np.float32]
    """Grey level that 1 % of the pixels exceed."""
    shadows: NDArray[np.float32]
    """Grey level that 1 % of the pixels fall below."""
    black: NDArray[np.float32]
    """Share of pixels of at most 5."""
    white: NDArray[np.float32]
    """Share of pixels of at least 250."""
    spread: NDArray[np.float32]
    """Grey levels between the lowest and the highest value of a channel, the largest of all."""

    @property
    def seen(self) -> NDArray[np.int64]:
        """Rows that were measured, ascending."""
        return np.flatnonzero(~np.isnan(self.brightness)).astype(np.int64)

    @property
    def colourful(self) -> NDArray[np.int64]:
        """Rows of more than one colour, ascending: what the others are held against."""
        rows = self.seen
        return rows[self.spread[rows] > ONE_COLOUR]


class AppearanceObserver:
    """Measures every image that passes; an `Observer`."""

    def __init__(self, n: int) -> None:
        """`n` is the number of samples, N."""
        names = Appearance.__dataclass_fields__
        self._columns = {name: np.full(n, np.nan, dtype=np.float32) for name in names}

    def observe(self, rows: NDArray[np.int64], canvases: NDArray[np.uint8]) -> None:
        """See `Observer.observe`."""
        pixels = canvases.shape[1] * canvases.shape[2]
        size = max(1, _STEP_PIXELS // pixels)
        for chosen in chunk_slices(len(rows), size):
            for name, values in _measures(canvases[chosen]).items():
                self._columns[name][rows[chosen]] = values

    @property
    def appearance(self) -> Appearance:
        """Measurements so far."""
        return Appearance(**self._columns)


def brightness_and_sharpness(
    canvases: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two columns of `Appearance`, [B] each, of uint8 [B, H, W, C], in a fifth of the time.

    Sharpness is not a number where the grey levels differ by no more than `ONE_COLOUR`.
    """
    grey = _grey(canvases)
    pixels = grey.reshape(len(grey), -1)
    values = pixels.astype(np.float32)
    variance = values.var(axis=1, dtype=np.float64)
    several = pixels.max(axis=1) - pixels.min(axis=1) > ONE_COLOUR
    energy = _laplacian_energy(grey.astype(np.int16))
    sharpness = np.full(len(grey), np.nan)
    np.divide(energy, variance, out=sharpness, where=several)
    return values.mean(axis=1, dtype=np.float64), sharpness


def _measures(canvases: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
    """The columns of `Appearance` for uint8 [B, H, W, C]."""
    flat = canvases.reshape(len(canvases), -1, canvases.shape[3])
    spread = (flat.max(axis=1).astype(np.int16) - flat.min(axis=1)).max(axis=1)
    grey = _grey(canvases)
    pixels = grey.reshape(len(grey), -1)
    values = pixels.astype(np.float32)
    variance = values.var(axis=1, dtype=np.float64)
    few = pixels[:, :: max(1, -(-pixels.shape[1] // _PERCENTILE_PIXELS))]
    low, high = int(0.01 * (few.shape[1] - 1)), few.shape[1] - 1 - int(0.01 * (few.shape[1] - 1))
    ordered = np.partition(few, (low, high), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        energy = _laplacian_energy(grey.astype(np.int16))
        sharpness = np.where((spread > ONE_COLOUR) & (variance > 0), energy / variance, np.nan)
    return {
        "brightness": values.mean(axis=1),
        "contrast": np.sqrt(variance),
        "sharpness": sharpness,
        "fineness": (energy + _NOISE) / (_laplacian_energy(_halved(grey)) + _NOISE),
        "highlights": ordered[:, high],
        "shadows": ordered[:, low],
        "black": (pixels <= 5).mean(axis=1),
        "white": (pixels >= 250).mean(axis=1),
        "spread": spread,
    }


def _grey(canvases: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [B, H, W]."""
    if canvases.shape[3] == 1:
        return canvases[..., 0]
    red, green, blue = (canvases[..., channel].astype(np.uint16) for channel in range(3))
    return ((red + 2 * green + blue + 2) // 4).astype(np.uint8)


def _halved(grey: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Means of 2 x 2 pixels, [B, H // 2, W // 2]."""
    height, width = (side // 2 * 2 for side in grey.shape[1:])
    x = grey[:, :height, :width].astype(np.int16)
    rows = x[:, ::2] + x[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2] + 2) // 4, dtype=np.int16)


def _laplacian_energy(x: NDArray[np.int16]) -> NDArray[np.float64]:
    """Mean square of the discrete Laplacian over the inner pixels of [B, H, W]; 0 below 3 x 3."""
    if min(x.shape[1:]) < 3:
        return np.zeros(len(x))
    edges = 4 * x[:, 1:-1, 1:-1]
    edges -= x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
    return np.asarray(np.square(edges, dtype=np.float32).mean(axis=(1, 2), dtype=np.float64))
