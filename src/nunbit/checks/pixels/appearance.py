"""Images that are dark, bright, blurred, or of one colour, by measures that fit any kind of data.

N samples, B images in a batch, H height, W width, C channels. Only one colour is a fault in
itself. What is dark or blurred depends on the data: digits have a black background, X-rays are
dark throughout. So everything else is held against what is usual in the same data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.examples import EXAMPLES, alone
from nunbit.checks.finding import Finding, excluding
from nunbit.formatting import count
from nunbit.types import Samples

ONE_COLOUR = 3
"""Grey levels between the lowest and the highest value of a channel; JPEG may add one or two."""
FAINT = 64
"""Grey levels away from black (or white) that nearly all pixels of a dark (bright) image keep."""
FAINT_AGAINST_USUAL = 4
"""And so many times less than the median image has: two stops."""
CLIPPED = 0.5
"""Share of plainly black (or white) pixels of an image that lost its content to them."""
CLIPPED_USUALLY = 0.25
"""Where one image in ten has more such pixels than this, they belong to the data."""
BLURRED = -4.0
"""Robust z of the logarithm of either measure of sharpness. No image of the digits and of
Fashion-MNIST is below it; a Gaussian blur of sigma 1.5 pixels brings nearly all of them there."""
FEWEST = 20
"""With fewer images nothing can be called usual."""

_NOISE = 0.5
"""Energy that rounding to whole grey levels alone may cause; it decides nothing."""
_LEAST_SCALE = 0.2
"""Drawings that are all equally sharp make no outlier of one that is a little less so."""
_PERCENTILE_PIXELS = 4096
_STEP_PIXELS = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """What was measured of each sample, [N]; not a number where an image was not seen.

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


class AppearanceObserver:
    """Measures every image that passes; an `Observer`."""

    def __init__(self, n: int) -> None:
        """`n` is the number of samples, N."""
        names = Appearance.__dataclass_fields__
        self._columns = {name: np.full(n, np.nan, dtype=np.float32) for name in names}

    def observe(self, rows: NDArray[np.int64], canvases: NDArray[np.uint8]) -> None:
        """See `Observer.observe`."""
        pixels = canvases.shape[1] * canvases.shape[2]
        at_once = max(1, _STEP_PIXELS // pixels)
        for start in range(0, len(rows), at_once):
            chosen = slice(start, start + at_once)
            for name, values in _measures(canvases[chosen]).items():
                self._columns[name][rows[chosen]] = values

    @property
    def appearance(self) -> Appearance:
        """What was measured so far."""
        return Appearance(**self._columns)

    def findings(self, samples: Samples) -> tuple[Finding, ...]:
        """Images of one colour; too dark, too bright and blurred ones, worst first."""
        return tuple(_findings(self.appearance, samples))


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


def _findings(seen: Appearance, samples: Samples) -> Iterator[Finding]:
    rows = seen.seen
    flat = rows[seen.spread[rows] <= ONE_COLOUR]
    if len(flat):
        yield _one_colour(flat, samples)
    rest = rows[seen.spread[rows] > ONE_COLOUR]
    if len(rest) < FEWEST:
        return
    dark = _faint(seen.highlights[rest], seen.black[rest])
    if dark.any():
        found = rest[dark]
        yield _exposure(
            "dark", found[np.argsort(seen.highlights[found], kind="stable")], seen, samples
        )
    bright = _faint(255 - seen.shadows[rest], seen.white[rest])
    if bright.any():
        found = rest[bright]
        order = np.argsort(-seen.shadows[found], kind="stable")
        yield _exposure("bright", found[order], seen, samples)
    z = np.fmin(_low_z(seen.sharpness[rest]), _low_z(seen.fineness[rest]))
    blurred = z < BLURRED
    if blurred.any():
        order = np.argsort(z[blurred], kind="stable")
        yield _blurred(rest[blurred][order], seen, samples)


def _faint(reach: NDArray[np.float32], clipped: NDArray[np.float32]) -> NDArray[np.bool_]:
    """[n] whether images keep unusually near to black, or are lost in it.

    `reach` [n] is how far the pixels get away from black, `clipped` [n] the share that does not.
    """
    near = (reach < FAINT) & (reach * FAINT_AGAINST_USUAL < np.median(reach))
    usual = np.quantile(clipped, 0.9) > CLIPPED_USUALLY
    return np.asarray(near | ((clipped > CLIPPED) & ~usual))


def _low_z(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Robust z of the logarithms, [n], with the spread of the lower half; nan stays nan.

    The scale is that of the tenth percentile where it lies farther out than the median absolute
    deviation says, so that the smaller of two kinds of images in the data is no crowd of outliers.
    """
    logs = np.log(np.maximum(values.astype(np.float64), 1e-6))
    if np.isnan(logs).all():
        return logs
    middle = np.nanmedian(logs)
    mad = 1.4826 * np.nanmedian(np.abs(logs - middle))
    tenth = (middle - np.nanquantile(logs, 0.1)) / 1.2816
    return np.asarray((logs - middle) / max(float(mad), float(tenth), _LEAST_SCALE))


def _one_colour(rows: NDArray[np.int64], samples: Samples) -> Finding:
    paths = [samples.paths[row] for row in rows]
    return Finding(
        kind="one-colour",
        severity="warning",
        title=f"{count(len(rows), 'image')} "
        f"{'shows' if len(rows) == 1 else 'show'} one colour only",
        count=len(rows),
        examples=tuple(paths[:EXAMPLES]),
        everything=tuple(paths),
        groups=alone(rows),
        why="Nothing in them tells their class. Measured: no channel varies by more than "
        f"{ONE_COLOUR} of 255 grey levels.",
        remedy="Leave them out; the fix list proposes it.",
        corrections=tuple(excluding(samples, int(row), "one colour only") for row in rows),
    )


def _exposure(word: str, rows: NDArray[np.int64], seen: Appearance, samples: Samples) -> Finding:
    end, measured = {
        "dark": ("black", seen.highlights),
        "bright": ("white", 255 - seen.shadows),
    }[word]
    all_rows = seen.seen
    usual = float(np.median(measured[all_rows]))
    paths = [samples.paths[row] for row in rows]
    return Finding(
        kind=f"too-{word}",
        severity="note",
        title=f"{count(len(rows), 'image')} {_are(len(rows))} much {_MORE[word]} than is "
        "usual here",
        count=len(rows),
        examples=tuple(paths[:EXAMPLES]),
        everything=tuple(paths),
        groups=alone(rows),
        why=f"Little can be told from them. Measured: 99 % of the pixels lie within {FAINT} of 255 "
        f"grey levels of {end} (the median image: {usual:.0f}), or more than half are plainly "
        f"{end} where that is rare.",
        remedy="Look at them; mend their exposure, or leave them out if you cannot tell the class.",
    )


def _blurred(rows: NDArray[np.int64], seen: Appearance, samples: Samples) -> Finding:
    paths = [samples.paths[row] for row in rows]
    sharpness, fineness = (
        f"{np.nanmedian(column[rows]):.2g} against {np.nanmedian(column):.2g}"
        for column in (seen.sharpness, seen.fineness)
    )
    return Finding(
        kind="blurred",
        severity="note",
        title=f"{count(len(rows), 'image')} {_are(len(rows))} much less sharp than is usual here",
        count=len(rows),
        examples=tuple(paths[:EXAMPLES]),
        everything=tuple(paths),
        groups=alone(rows),
        why="Fine detail is missing in them. Measured at the size that the network sees, their "
        "median against that of all images: the mean square of the Laplacian over the variance, "
        f"{sharpness}; and over the same at half the size, {fineness}.",
        remedy="Look at them: out of focus, moved, scaled up from very few pixels, or smooth by "
        "nature. Leave them out only if images in use will be sharper.",
    )


_MORE = {"dark": "darker", "bright": "brighter"}


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
