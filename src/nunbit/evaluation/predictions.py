"""predictions.csv: what the network said about every image, one row each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nunbit.files import write_atomically
from nunbit.types import ClassNames, Predictions

SIGNIFICANT_DIGITS = 9
"""Of a probability in the file: as many as the network's float32 outputs can carry."""


def write_predictions(
    path: Path, predictions: Predictions, paths: Sequence[str], classes: ClassNames
) -> None:
    """Write path, label, predicted, confidence and one prob_<class> column per class.

    `paths` are those of the whole data set: `predictions.indices` are looked up in it. A label
    that is not known is left empty. The file appears whole or not at all.
    """
    probabilities = predictions.probabilities
    names = ("", *classes)
    columns = {
        "path": _texts(paths[i] for i in predictions.indices),
        "label": _texts(names[label + 1] for label in predictions.labels),
        "predicted": _texts(classes[k] for k in predictions.predicted),
        "confidence": probabilities.max(axis=1) if len(predictions) else [],
    }
    table = pd.concat(
        [
            pd.DataFrame(columns),
            pd.DataFrame(probabilities, columns=[f"prob_{name}" for name in classes]),
        ],
        axis=1,
    )
    text = table.to_csv(index=False, float_format=f"%.{SIGNIFICANT_DIGITS}g", lineterminator="\n")
    # Names on disk need not be valid Unicode; they are written as the bytes that they are.
    write_atomically(path, text.encode("utf-8", errors="surrogateescape"))


def _texts(values: Iterable[str]) -> pd.Series[Any]:
    """A column of plain Python strings: pandas' own string type refuses names that are no text."""
    return pd.Series(list(values), dtype=object)
