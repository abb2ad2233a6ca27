"""Attributes of test images besides their class, of which slices are made; without torch.

N samples, n test images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.measurements.properties import folders_of
from nunbit.data.inspect import Inspection
from nunbit.evaluation.slices import Attribute
from nunbit.types import ImageFacts, Samples

MODES = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with transparency",
    "I": "grey, more than 8 bits",
    "P": "palette",
    "RGB": "colour",
    "RGBA": "colour with transparency",
    "CMYK": "CMYK",
    "YCbCr": "YCbCr",
}
"""Pillow's modes in words; another is shown by Pillow's name."""


def attributes_of(
    samples: Samples,
    inspection: Inspection,
    rows: NDArray[np.int64],
    *,
    brightness: NDArray[np.float64],
    sharpness: NDArray[np.float64],
) -> tuple[Attribute, ...]:
    """Attributes of the images of some rows [n]: of the file, of its pixels, of its table.

    `brightness` and `sharpness`, [n] each, are those of the canvas, which the network sees; all
    else is of the file as it was found.
    """
    facts = [inspection.facts[row] for row in rows]
    found = [
        Attribute(
            name="size",
            title="Image size, pixels a side",
            values=np.array([_side(fact) for fact in facts]),
            meaning="Of the file, before it is fitted to the canvas: the side of a square of as "
            "many pixels.",
        ),
        Attribute(
            name="brightness",
            title="Brightness",
            values=brightness,
            meaning="Mean grey level of the canvas, 0 to 255.",
        ),
        Attribute(
            name="sharpness",
            title="Sharpness",
            values=sharpness,
            meaning="Of the canvas: mean square of the Laplacian over the variance of the grey "
            "levels. Blur takes it away; not known where there is one colour only.",
        ),
        Attribute(
            name="mode",
            title="Colour mode",
            values=["" if fact is None else MODES.get(fact.mode, fact.mode) for fact in facts],
            meaning="As the file stores it.",
        ),
    ]
    if not samples.images.decoded:
        found.append(
            Attribute(
                name="folder",
                title="Source folder",
                values=[folder or "no folder" for folder in folders_of(samples, rows)],
                meaning="Below the folder of the part and of the class.",
            )
        )
    if any(samples.groups):
        groups = [samples.groups[row] for row in rows]
        found.append(Attribute(name="group", title="Group", values=groups))
    found += _columns(samples.columns, rows)
    return tuple(found)


def _columns(
    columns: Mapping[str, tuple[str, ...]], rows: NDArray[np.int64]
) -> Iterator[Attribute]:
    for name, values in columns.items():
        yield Attribute(
            name=f"column {name}",
            title=f"Column “{name}”",
            values=[values[row] for row in rows],
            meaning="Of the table.",
        )


def _side(fact: ImageFacts | None) -> float:
    return float("nan") if fact is None else round((fact.width * fact.height) ** 0.5)
