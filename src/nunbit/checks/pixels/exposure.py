"""Images much darker or brighter than is usual in the same data: X-rays are dark throughout."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.finding import Finding
from nunbit.checks.measurements.appearance import Appearance
from nunbit.checks.pixels.appearance import MIN_IMAGES, AppearanceCheck, unlike_the_usual
from nunbit.types import Samples

FAINT = 64
"""Grey levels away from black (or white) that nearly all pixels of a dark (bright) image keep."""
FAINT_AGAINST_USUAL = 4
"""And so many times less than the median image has: two stops."""
CLIPPED = 0.5
"""Fraction of plainly black (or white) pixels of an image that lost its content to them."""
CLIPPED_USUALLY = 0.25
"""Fraction of pixels: where one image in ten has more such pixels, they belong to the data."""


class Exposure(AppearanceCheck):
    """Images too dark or too bright to show their content."""

    name = "exposure"

    def findings(self, seen: Appearance, samples: Samples) -> Iterator[Finding]:
        """A note about the dark ones and one about the bright ones, worst first."""
        rows = seen.colourful
        if len(rows) < MIN_IMAGES:
            return
        for word, reach, clipped in (
            ("dark", seen.highlights, seen.black),
            ("bright", 255 - seen.shadows, seen.white),
        ):
            found = rows[_faint(reach[rows], clipped[rows])]
            if len(found):
                order = np.argsort(reach[found], kind="stable")
                yield _finding(word, found[order], float(np.median(reach[seen.seen])), samples)


def _faint(reach: NDArray[np.float32], clipped: NDArray[np.float32]) -> NDArray[np.bool_]:
    """[n] whether images keep unusually near to black, or are lost in it.

    `reach` [n] is how far the pixels get away from black, `clipped` [n] the fraction that does not.
    """
    near = (reach < FAINT) & (reach * FAINT_AGAINST_USUAL < np.median(reach))
    usual = np.quantile(clipped, 0.9) > CLIPPED_USUALLY
    return np.asarray(near | ((clipped > CLIPPED) & ~usual))


def _finding(word: str, rows: NDArray[np.int64], usual: float, samples: Samples) -> Finding:
    """`usual`: how far the median image gets away from black (or white), grey levels."""
    end, more = {"dark": ("black", "darker"), "bright": ("white", "brighter")}[word]
    return unlike_the_usual(
        samples,
        rows.tolist(),
        kind=f"too-{word}",
        how=more,
        why=f"They show little. Measured: 99 % of the pixels lie within {FAINT} of 255 "
        f"grey levels of {end} (the median image: {usual:.0f}), or more than half are plainly "
        f"{end} where that is rare.",
        remedy="Look at them; correct their exposure, or leave them out if you cannot tell the "
        "class.",
    )
