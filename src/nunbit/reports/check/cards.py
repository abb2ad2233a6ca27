"""Pictures with what is to be said about each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nunbit.checks.diagnosis import Diagnosis
from nunbit.chunks import chunks
from nunbit.reports.kit import is_pixelated, thumbnail_address

PART_WORDS = {"train": "training", "validation": "validation", "test": "test"}
MAX_SIDE = 104
"""Pixels of a picture's longer side in the page."""
CHUNK_SIZE = 256
"""Pictures fetched in one step, so that memory stays bounded."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One picture of the data set."""

    row: int
    source: str
    """data: address."""
    description: str
    """Alternative text."""
    pixelated: bool
    label: str
    part: str
    """The part that the data give it, in words; '' where they give none."""
    path: str


def cards(diagnosis: Diagnosis, rows: Sequence[int]) -> list[Card]:
    """Cards of some usable rows, in that order."""
    found: list[Card] = []
    for chosen in chunks(rows, CHUNK_SIZE):
        pictures = diagnosis.pictures(np.asarray(chosen, dtype=np.int64))
        for row, picture in zip(chosen, pictures, strict=True):
            label, path = diagnosis.samples.label_name(row), diagnosis.samples.paths[row]
            found.append(
                Card(
                    row=row,
                    source=thumbnail_address(picture, max_side=MAX_SIDE),
                    description=f"{path}, labelled {label}",
                    pixelated=is_pixelated(picture),
                    label=label,
                    part=PART_WORDS.get(diagnosis.samples.parts[row], ""),
                    path=path,
                )
            )
    return found
