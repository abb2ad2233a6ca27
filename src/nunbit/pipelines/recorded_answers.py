"""Contradictions between the files of a finished run: whoever compares runs must not believe one.

N test images, K classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nunbit.errors import DataError
from nunbit.evaluation.summary import Summary
from nunbit.types import ClassNames

MAX_ROUNDING = 1e-6
"""Greatest difference that nine significant digits of a float32 can make, with room."""
MAX_SUM_ROUNDING = 1e-3
"""The same for the sum of a row's probabilities."""
REMEDY = "restore the folder as it was written: its files belong together"


def check_answers(
    *,
    classes: ClassNames,
    paths: Sequence[str],
    predicted: Sequence[str],
    confidence: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    file: Path,
) -> None:
    """Check that each answer of predictions.csv is the class of the highest probability.

    Args:
        classes: [K] names of the columns.
        paths: [N] the images.
        predicted: [N] names of the answers.
        confidence: [N] probability of the answer.
        probabilities: [N, K].
        file: named in messages.

    Raises:
        DataError: naming the first image at fault.
    """
    number = {name: k for k, name in enumerate(classes)}
    answers = np.array([number.get(name, -1) for name in predicted], dtype=np.int64)
    highest = probabilities.max(axis=1)
    own = probabilities[np.arange(len(answers)), answers]
    for wrong, what in (
        (answers < 0, "it gives no probability of its answer"),
        (own < highest - MAX_ROUNDING, "another class than the answer has the highest probability"),
        (np.abs(confidence - highest) > MAX_ROUNDING, "its confidence is not that of the answer"),
        (
            np.abs(probabilities.sum(axis=1) - 1) > MAX_SUM_ROUNDING,
            "its probabilities do not add up to 1",
        ),
    ):
        if wrong.any():
            raise DataError(
                f"the predictions contradict themselves at {paths[int(wrong.argmax())]}: {what}",
                path=file,
                remedy=REMEDY,
            )


def check_summary(
    summary: Summary,
    *,
    classes: ClassNames,
    labels: Sequence[str],
    predicted: Sequence[str],
    folder: Path,
) -> None:
    """Check that summary.json counts and scores what predictions.csv holds.

    `labels` and `predicted` are [N] names. What a summary does not say is not checked.

    Raises:
        DataError: naming the first number at fault.
    """
    for what, said, found in _numbers(summary, classes, labels, predicted):
        if said is not None and abs(said - found) > MAX_ROUNDING:
            raise DataError(
                f"summary.json and predictions.csv contradict each other: {what} is {said:g} in "
                f"the one and {found:g} in the other",
                path=folder,
                remedy=REMEDY,
            )


def _numbers(
    summary: Summary, classes: ClassNames, labels: Sequence[str], predicted: Sequence[str]
) -> Iterator[tuple[str, float | None, float]]:
    """Name of a count, its number in the summary, and that in the predictions."""
    n = len(labels)
    right = Counter(label for label, said in zip(labels, predicted, strict=True) if label == said)
    yield "the number of test images", summary.n.get("test"), n
    if summary.classes:
        yield "the number of classes", len(summary.classes), len(classes)
        unknown = len(set(classes) - set(summary.classes))
        yield "the number of classes that only one of them names", unknown, 0
    if summary.test is None:
        return
    yield "the accuracy", summary.test.value("accuracy"), sum(right.values()) / n
    images = Counter(labels)
    for name, row in summary.test.per_class.items():
        yield f"the number of test images of {name!r}", row.get("n"), images[name]
        if images[name]:
            yield f"the recall of {name!r}", row.get("recall"), right[name] / images[name]
