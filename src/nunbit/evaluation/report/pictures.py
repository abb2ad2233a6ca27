"""Pictures of the report: cards with predicted(true)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.report.inputs import ReportInput
from nunbit.page import is_pixelated, png_address
from nunbit.page.words import confidence as shown_confidence


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


def cards(report: ReportInput, rows: Sequence[int] | NDArray[np.int64]) -> list[Card]:
    """Cards of some rows of the predictions, in that order."""
    if not len(rows):
        return []
    predictions = report.predictions
    pictures = report.pictures(predictions.indices[np.asarray(rows, dtype=np.int64)])
    confidence = predictions.probabilities.max(axis=1)
    return [
        _card(report, int(row), picture, float(confidence[row]))
        for row, picture in zip(rows, pictures, strict=True)
    ]


def _card(report: ReportInput, row: int, picture: NDArray[np.uint8], confidence: float) -> Card:
    predicted = report.classes[report.predictions.predicted[row]]
    true = report.classes[report.predictions.labels[row]]
    path = report.path(row)
    return Card(
        source=png_address(picture),
        description=f"{path}: predicted {predicted} ({shown_confidence(confidence)}), truly {true}",
        predicted=predicted,
        true=true,
        right=predicted == true,
        confidence=confidence,
        path=path,
        pixelated=is_pixelated(picture),
    )
