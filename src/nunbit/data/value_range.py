"""The range of samples of more than 8 bits: measured once for a data set, never image by image.

A 12-bit camera fills the lowest sixteenth of 16 bits, a dim fluorescence image less. Divided by 257
such images would keep a few grey levels; stretched image by image they would lose the brightness
that may tell the classes apart. So one range, of the training images, holds for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nunbit.data.decoding import Frame, wide_values
from nunbit.data.formats.wide import ValueRange
from nunbit.errors import UnusableImage
from nunbit.types import ImageFacts, ImageStore

__all__ = ["MeasuredRange", "ValueRange", "measure_range"]

MAX_FILES = 64
"""Evenly spaced files that are measured."""
MAX_VALUES = 1_000_000
"""Samples of a file that are looked at, evenly spaced."""
OUTSIDE = 1e-5
"""Fraction of a file's samples that may lie below the range, and above it: hot pixels."""
OUTLYING_FILES = 0.01
"""Fraction of the files that may reach further on either side."""


@dataclass(frozen=True)
class MeasuredRange:
    """Values that become black and white, and how they were found."""

    value: ValueRange
    reason: str
    """A clause."""


def measure_range(
    images: ImageStore,
    facts: Sequence[ImageFacts | None],
    rows: Sequence[int] | NDArray[np.int64],
    *,
    max_pixels: int,
    frame: Frame,
) -> MeasuredRange | None:
    """The range of the images in `rows` that have more than 8 bits; None where none has.

    It comes from the headers where they state it, else from the samples of `MAX_FILES` files: the
    whole depth where more than half of it is used, else from the darkest to the brightest, but for
    `OUTSIDE` of the samples, in round numbers.
    """
    wide = [int(row) for row in rows if (fact := facts[row]) is not None and fact.wide]
    if not wide:
        return None
    stated = _stated([fact for row in wide if (fact := facts[row]) is not None])
    if stated is not None:
        return stated
    some = [wide[i] for i in np.linspace(0, len(wide) - 1, min(MAX_FILES, len(wide))).astype(int)]
    ends: dict[str, list[tuple[float, float]]] = {"whole": [], "float": [], "beyond": []}
    for row in some:
        try:
            found = _values(images, row, max_pixels=max_pixels, frame=frame)
        except UnusableImage:
            continue  # found again, and reported, when all images are decoded
        if found.size:
            low, high = _ends(found)
            beyond = "beyond" if high > 65535 else "whole"
            ends["float" if found.dtype.kind == "f" else beyond].append((low, high))
    # Numbers of 16 bits, of more, and in floating point are of different scales; where several
    # meet, those of the fewer files are refused when they are decoded.
    kind = max(ends, key=lambda name: len(ends[name]))
    if not ends[kind]:
        return MeasuredRange("full", "no image of more than 8 bits could be measured")
    lows, highs = (sorted(side) for side in zip(*ends[kind], strict=True))
    left_out = int(OUTLYING_FILES * len(lows))
    low, high = lows[left_out], highs[-1 - left_out]
    told = {fact.range_high for row in wide if (fact := facts[row]) is not None}
    if len(told) == 1 and low >= 0 and 0 < high <= (largest := told.pop()):
        return MeasuredRange((0.0, largest), f"the headers say that {largest:g} is the largest")
    count = f"{len(lows):,} training image{'s' * (len(lows) != 1)}"
    value, why = _rounded(low, high, whole=kind != "float")
    return MeasuredRange(value, f"{count} hold values of {low:g} to {high:g}{why}")


def _stated(facts: Sequence[ImageFacts]) -> MeasuredRange | None:
    """The range that the headers state: the depth of packed samples, or the usual window."""
    told = [(f.range_low, f.range_high) for f in facts if f.range_high > f.range_low]
    if 2 * len(told) < len(facts) or not told:
        return None
    if any(fact.format == "DICOM" for fact in facts):
        low, high = (float(np.median(side)) for side in zip(*told, strict=True))
        return MeasuredRange((low, high), f"it is the usual window of {len(told):,} DICOM files")
    # Other headers promise the largest possible value: worth trusting where all files agree, and
    # where the depth is the storage's own, so that no sample can be larger.
    if len(set(told)) > 1 or len(told) < len(facts) or min(fact.bits for fact in facts) == 16:
        return None
    return MeasuredRange(told[0], f"the headers say {facts[0].bits} bits")


def _values(images: ImageStore, row: int, *, max_pixels: int, frame: Frame) -> NDArray[Any]:
    """Samples of the frames that count, at most `MAX_VALUES`; none where there are 8 bits."""
    content = images.read(row)
    if isinstance(content, np.ndarray):
        return np.empty(0)
    frames = [np.ravel(each) for each in wide_values(content, max_pixels=max_pixels, frame=frame)]
    if not frames:
        return np.empty(0)
    step = -(-sum(map(len, frames)) // MAX_VALUES)
    found = np.concatenate([each[::step] for each in frames])
    return found[np.isfinite(found)] if found.dtype.kind == "f" else found


def _ends(values: NDArray[Any]) -> tuple[float, float]:
    """Lowest and highest sample but for `OUTSIDE` of them on either side."""
    beyond = int(OUTSIDE * len(values))
    ordered = np.partition(values, [beyond, len(values) - 1 - beyond])
    return float(ordered[beyond]), float(ordered[len(values) - 1 - beyond])


def _rounded(low: float, high: float, *, whole: bool) -> tuple[ValueRange, str]:
    """The depth that the samples come from where they use half of it, else round numbers."""
    if high <= low:
        return "full", ""
    if whole and low >= 0 and high <= 65535:
        depth = max(8, int(high).bit_length())
        if high - low > 2**depth / 2:
            value: ValueRange = "full" if depth == 16 else (0.0, float(2**depth - 1))
            return value, f", as {depth} bits do"
    if not whole and low >= 0 and high <= 1 and high - low > 0.5:
        return (0.0, 1.0), ""
    step = 10.0 ** (math.floor(math.log10(high - low)) - 1)
    if whole:
        step = max(1.0, step)
    digits = max(0, -math.floor(math.log10(step)))
    return (
        round(math.floor(low / step) * step, digits),
        round(math.ceil(high / step) * step, digits),
    ), ""
