"""Arrays of images as rows: names such as `train/00012`, and the order of their parts.

N images, H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.data.sources.raw_samples import RawSamples
from nunbit.data.storage import ImageArrays


@dataclass(frozen=True, kw_only=True)
class ArrayPart:
    """Images and labels of one part of a data set held in arrays."""

    images: NDArray[np.uint8]
    """[N, H, W, C]"""
    labels: NDArray[np.int64]
    """[N] index into the raw class names, -1 for none."""


def found_in_arrays(
    parts: Mapping[str, ArrayPart],
    *,
    names: Sequence[str],
    in_order: bool,
    notes: Sequence[str] = (),
) -> RawSamples:
    """Rows of one or more parts, whose names are the keys of `parts` ('' for the only one).

    A part that stands alone splits nothing: its rows are left to be split, and only keep its
    name in their paths.
    """
    ordered = sorted(parts.items())
    paths: list[str] = []
    for part, content in ordered:
        width = max(5, len(str(len(content.labels) - 1)))
        stem = f"{part}/" if part else ""
        paths += [f"{stem}{row:0{width}d}" for row in range(len(content.labels))]
    row_parts: list[str] = []
    for part, content in ordered:
        row_parts += [part if len(ordered) > 1 else ""] * len(content.labels)
    images = [content.images for _, content in ordered]
    labels = np.concatenate([content.labels for _, content in ordered])
    return RawSamples(
        images=ImageArrays(array=images[0] if len(images) == 1 else np.concatenate(images)),
        paths=tuple(paths),
        names=tuple(names),
        labels=labels,
        parts=tuple(row_parts),
        groups=("",) * len(paths),
        reasons=("",) * len(paths),
        notes=tuple(notes),
        in_order=in_order,
    )


def numbered_names(labels: Sequence[NDArray[np.int64]]) -> tuple[str, ...]:
    """'0', '1', … up to the largest label found."""
    largest = max((int(part.max()) for part in labels if part.size), default=-1)
    return tuple(str(number) for number in range(largest + 1))
