"""predictions.csv: what the network said about every image, one row each."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from nunbit.files import write_atomically
from nunbit.formatting import neutral_cell
from nunbit.types import ClassNames, Predictions

SIGNIFICANT_DIGITS = 9
"""Digits of a probability in the file: as many as the network's float32 outputs can carry."""


def write_predictions(
    path: Path, predictions: Predictions, paths: Sequence[str], classes: ClassNames
) -> None:
    """Write path, label, predicted, confidence and one prob_<class> column per class.

    `paths` are those of the whole data set: `predictions.indices` are looked up in it. A label
    that is not known is left empty. The file appears whole or not at all.
    """
    probabilities = predictions.probabilities
    names = ("", *classes)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "label", "predicted", "confidence", *(f"prob_{n}" for n in classes)])
    columns = (predictions.indices, predictions.labels, predictions.predicted, probabilities)
    for index, label, predicted, row in zip(*(c.tolist() for c in columns), strict=True):
        numbers = (f"{value:.{SIGNIFICANT_DIGITS}g}" for value in (max(row), *row))
        cells = (paths[index], names[label + 1], classes[predicted])
        writer.writerow([*map(neutral_cell, cells), *numbers])
    # Names on disk need not be valid Unicode; they are written as the bytes that they are.
    write_atomically(path, text.getvalue().encode("utf-8", errors="surrogateescape"))
