"""Pictures inside the page: PNG data addresses and cards with predicted(true)."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nunbit.evaluation.report.inputs import ReportInput
from nunbit.evaluation.report.words import confidence as shown_confidence

MAX_SIDE = 128
"""Pixels of a picture's longer side in the page; larger ones are scaled down to it."""
PIXELATED_BELOW = 64
"""Pictures with a longer side below this many pixels are shown as sharp squares."""


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


def png_address(picture: NDArray[np.uint8]) -> str:
    """A picture, uint8 [H, W], [H, W, 1], [H, W, 3] or [H, W, 4], as a data: address."""
    image = Image.fromarray(picture[..., 0] if picture.shape[2:] == (1,) else picture)
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return _address(image)


def exact_png_address(picture: NDArray[np.uint8]) -> str:
    """The same, of whatever size, without scaling."""
    return _address(Image.fromarray(picture))


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
        pixelated=max(picture.shape[:2]) < PIXELATED_BELOW,
    )


def _address(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
