"""Pictures of the report: cards with predicted(true), what the network saw beside the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.formatting import confidence as shown_confidence
from nunbit.reports.kit import is_pixelated, thumbnail_address
from nunbit.reports.kit.pictures import Original
from nunbit.reports.run.run_result import RunResult


@dataclass(frozen=True, kw_only=True)
class Found:
    """The original beside a picture; without a source, why it cannot be shown."""

    source: str
    description: str
    """Alternative text, or the reason."""
    size: str
    pixelated: bool


@dataclass(frozen=True, kw_only=True)
class Card:
    """One picture of a gallery with what is to be said about it."""

    source: str
    """data: address."""
    description: str
    """Alternative text."""
    predicted: str
    true: str
    right: bool
    confidence: float
    path: str
    pixelated: bool
    original: Found | None
    """None where it is not to be shown, or the same as the picture to the last pixel."""


def cards(
    report: RunResult, rows: Sequence[int] | NDArray[np.int64], *, originals: bool = True
) -> list[Card]:
    """Cards of some rows of the predictions, in that order, with originals or without."""
    if not len(rows):
        return []
    predictions = report.predictions
    indices = predictions.indices[np.asarray(rows, dtype=np.int64)]
    pictures = report.pictures(indices)
    confidence = predictions.probabilities.max(axis=1)
    getter = report.originals if originals else None
    return [
        _card(
            report,
            int(row),
            picture,
            confidence=float(confidence[row]),
            original=None if getter is None else getter(int(index)),
        )
        for row, index, picture in zip(rows, indices, pictures, strict=True)
    ]


def _card(
    report: RunResult,
    row: int,
    picture: NDArray[np.uint8],
    *,
    confidence: float,
    original: Original | None,
) -> Card:
    predicted = report.classes[report.predictions.predicted[row]]
    true = report.classes[report.predictions.labels[row]]
    path = report.path(row)
    return Card(
        source=thumbnail_address(picture),
        description=f"{path}: predicted {predicted} ({shown_confidence(confidence)}), truly {true}",
        predicted=predicted,
        true=true,
        right=predicted == true,
        confidence=confidence,
        path=path,
        pixelated=is_pixelated(picture),
        original=None if original is None or _same(original, picture) else _found(original, path),
    )


def _found(original: Original, path: str) -> Found:
    if original.picture is None:
        return Found(source="", description=original.fault, size="", pixelated=False)
    size = f"{original.height} × {original.width}"
    return Found(
        source=thumbnail_address(original.picture),
        description=f"{path}: the original, {size} pixels",
        size=size,
        pixelated=is_pixelated(original.picture),
    )


def _same(original: Original, picture: NDArray[np.uint8]) -> bool:
    """Tell whether the two are one picture: same size, same pixels, grey or not."""
    if original.picture is None or original.picture.shape[:2] != picture.shape[:2]:
        return False
    both = (original.picture.reshape(*picture.shape[:2], -1), picture)
    return bool((both[0] == both[1]).all()) if both[0].shape[2] in (1, picture.shape[2]) else False
