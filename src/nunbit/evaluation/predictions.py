"""predictions.csv: what the network said about every image, one row each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from nunbit.chunks import chunk_slices
from nunbit.files import write_atomically
from nunbit.formatting import neutral_cell
from nunbit.types import ClassNames, Predictions

SIGNIFICANT_DIGITS = 9
"""Digits of a probability in the file: as many as the network's float32 outputs can carry."""

CHUNK_SIZE = 64
"""Images whose rows are in memory at a time."""


def write_predictions(
    path: Path, predictions: Predictions, paths: Sequence[str], classes: ClassNames
) -> None:
    """Write path, label, predicted, confidence and one prob_<class> column per class.

    `paths` are those of the whole data set: `predictions.indices` are looked up in it. A label
    that is not known is left empty. The file appears whole or not at all.
    """
    # Names on disk need not be valid Unicode; they are written as the bytes that they are.
    pieces = _pieces(predictions, paths, classes)
    write_atomically(path, (piece.encode("utf-8", errors="surrogateescape") for piece in pieces))


def _pieces(predictions: Predictions, paths: Sequence[str], classes: ClassNames) -> Iterator[str]:
    """The file from its beginning to its end; whole, 10,000 images of 1,000 classes take 150 MB."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "label", "predicted", "confidence", *(f"prob_{n}" for n in classes)])
    yield text.getvalue()
    names = ("", *classes)
    probabilities = predictions.probabilities
    columns = (predictions.indices, predictions.labels, predictions.predicted, probabilities)
    for some in chunk_slices(len(probabilities), CHUNK_SIZE):
        text.seek(0)
        text.truncate()
        for index, label, predicted, row in zip(*(c[some].tolist() for c in columns), strict=True):
            numbers = (f"{value:.{SIGNIFICANT_DIGITS}g}" for value in (max(row), *row))
            cells = (paths[index], names[label + 1], classes[predicted])
            writer.writerow([*map(neutral_cell, cells), *numbers])
        yield text.getvalue()
