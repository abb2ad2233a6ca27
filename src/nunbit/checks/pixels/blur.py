"""Images much less sharp than is usual in the same data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.finding import Finding
from nunbit.checks.measurements.appearance import Appearance
from nunbit.checks.pixels.appearance import MIN_IMAGES, AppearanceCheck, unlike_the_usual
from nunbit.types import Samples

BLURRED = -4.0
"""Robust z of the logarithm of either measure of sharpness. No image of the digits and of
Fashion-MNIST is below it; a Gaussian blur of sigma 1.5 pixels brings nearly all of them there."""
_MIN_SCALE = 0.2
"""Drawings that are all equally sharp make no outlier of one that is a little less so."""


class Blur(AppearanceCheck):
    """Images in which fine detail is missing."""

    name = "blur"

    def findings(self, seen: Appearance, samples: Samples) -> Iterator[Finding]:
        """A note about them, the least sharp first."""
        rows = seen.colourful
        if len(rows) < MIN_IMAGES:
            return
        z = np.fmin(_low_z(seen.sharpness[rows]), _low_z(seen.fineness[rows]))
        blurred = z < BLURRED
        if blurred.any():
            order = np.argsort(z[blurred], kind="stable")
            yield _finding(rows[blurred][order], seen, samples)


def _low_z(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Robust z of the logarithms, [n], with the spread of the lower half; nan stays nan.

    The scale is that of the tenth percentile where it lies farther out than the median absolute
    deviation says, so that the smaller of two kinds of images in the data does not become a
    crowd of outliers.
    """
    logs = np.log(np.maximum(values.astype(np.float64), 1e-6))
    if np.isnan(logs).all():
        return logs
    middle = np.nanmedian(logs)
    mad = 1.4826 * np.nanmedian(np.abs(logs - middle))
    tenth = (middle - np.nanquantile(logs, 0.1)) / 1.2816
    return np.asarray((logs - middle) / max(float(mad), float(tenth), _MIN_SCALE))


def _finding(rows: NDArray[np.int64], seen: Appearance, samples: Samples) -> Finding:
    sharpness, fineness = (
        f"{np.nanmedian(column[rows]):.2g} against {np.nanmedian(column):.2g}"
        for column in (seen.sharpness, seen.fineness)
    )
    return unlike_the_usual(
        samples,
        rows.tolist(),
        kind="blurred",
        how="less sharp",
        why="Fine detail is missing in them. Measured at the size that the network sees, their "
        "median against that of all images: the mean square of the Laplacian over the variance, "
        f"{sharpness}; and over the same at half the size, {fineness}.",
        remedy="Look at them: out of focus, moved, scaled up from very few pixels, or smooth by "
        "nature. Leave them out only if images in use will be sharper.",
    )
