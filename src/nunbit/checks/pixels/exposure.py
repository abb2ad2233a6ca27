"""Images much darker or brighter than is usual in the same data: X-rays are dark throughout."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import EXAMPLES, alone
from nunbit.checks.finding import Finding
from nunbit.checks.measurements.appearance import Appearance, AppearanceObserver
from nunbit.formatting import count
from nunbit.types import Samples

FAINT = 64
"""Grey levels away from black (or white) that nearly all pixels of a dark (bright) image keep."""
FAINT_AGAINST_USUAL = 4
"""And so many times less than the median image has: two stops."""
CLIPPED = 0.5
"""Fraction of plainly black (or white) pixels of an image that lost its content to them."""
CLIPPED_USUALLY = 0.25
"""Fraction of pixels: where one image in ten has more such pixels, they belong to the data."""
MIN_IMAGES = 20
"""Number of images below which nothing can be called usual."""


class Exposure(Check):
    """Images too dark or too bright to show their content."""

    name = "exposure"
    needs = "pixels"

    def observers(self, context: Context) -> tuple[AppearanceObserver, ...]:
        """See `Check.observers`."""
        return (AppearanceObserver(len(context.samples)),)

    def run(self, context: Context) -> Iterator[Finding]:
        """A note about the dark ones and one about the bright ones, worst first."""
        seen = context.seen(AppearanceObserver).appearance
        rows = seen.colourful
        if len(rows) < MIN_IMAGES:
            return
        dark = _faint(seen.highlights[rows], seen.black[rows])
        if dark.any():
            found = rows[dark]
            order = np.argsort(seen.highlights[found], kind="stable")
            yield _finding("dark", found[order], seen, context.samples)
        bright = _faint(255 - seen.shadows[rows], seen.white[rows])
        if bright.any():
            found = rows[bright]
            order = np.argsort(-seen.shadows[found], kind="stable")
            yield _finding("bright", found[order], seen, context.samples)


def _faint(reach: NDArray[np.float32], clipped: NDArray[np.float32]) -> NDArray[np.bool_]:
    """[n] whether images keep unusually near to black, or are lost in it.

    `reach` [n] is how far the pixels get away from black, `clipped` [n] the fraction that does not.
    """
    near = (reach < FAINT) & (reach * FAINT_AGAINST_USUAL < np.median(reach))
    usual = np.quantile(clipped, 0.9) > CLIPPED_USUALLY
    return np.asarray(near | ((clipped > CLIPPED) & ~usual))


def _finding(word: str, rows: NDArray[np.int64], seen: Appearance, samples: Samples) -> Finding:
    end, more, measured = {
        "dark": ("black", "darker", seen.highlights),
        "bright": ("white", "brighter", 255 - seen.shadows),
    }[word]
    usual = float(np.median(measured[seen.seen]))
    paths = [samples.paths[row] for row in rows]
    return Finding(
        kind=f"too-{word}",
        severity="note",
        title=f"{count(len(rows), 'image')} {'is' if len(rows) == 1 else 'are'} much {more} "
        "than is usual here",
        count=len(rows),
        examples=tuple(paths[:EXAMPLES]),
        everything=tuple(paths),
        groups=alone(rows),
        why=f"They show little. Measured: 99 % of the pixels lie within {FAINT} of 255 "
        f"grey levels of {end} (the median image: {usual:.0f}), or more than half are plainly "
        f"{end} where that is rare.",
        remedy="Look at them; correct their exposure, or leave them out if you cannot tell the "
        "class.",
    )
