"""Which classes are taken for which: the confusion matrix and its largest entries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from nunbit.evaluation.metrics import Metrics, image_losses
from nunbit.evaluation.mistakes import ConfusedPair, confused_pairs, confusion_order
from nunbit.evaluation.report.inputs import ReportInput
from nunbit.evaluation.report.pages import render
from nunbit.evaluation.report.pictures import Card, cards
from nunbit.page import Section, exact_png_address

MAX_TABLE_CLASSES = 20
"""Up to so many classes the matrix is a table with counts, beyond a picture."""
MAX_LABELLED_CLASSES = 200
"""Up to so many classes the picture carries their names."""
PAIRS = 10
EXAMPLES_PER_PAIR = 4
# The placeholders of the theme cannot reach into a bitmap, so these two hues are chosen to read
# on light and dark paper alike; how much of them shows is the pixel's opacity.
RIGHT_COLOUR, WRONG_COLOUR = (43, 132, 198), (219, 109, 40)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of the matrix."""

    count: int
    share: float
    """Of the row: the images of the true class."""
    shade: float
    """0..1, how strongly it is coloured."""
    right: bool


@dataclass(frozen=True, kw_only=True)
class PairRow:
    """A frequent confusion with example images."""

    true: str
    predicted: str
    count: int
    share: float
    examples: list[Card]


def confusion(report: ReportInput) -> Section | None:
    """The matrix and the ten most frequent confusions, with example images."""
    metrics = report.metrics
    if metrics is None:
        return None
    order = confusion_order(metrics.confusion)
    matrix = metrics.confusion[np.ix_(order, order)]
    names = [report.classes[k] for k in order]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    largest = float((shares - np.diag(np.diag(shares))).max())
    body = render(
        "confusion",
        drawing=_table(names, matrix, shares, largest)
        if len(names) <= MAX_TABLE_CLASSES
        else _picture(names, shares, largest),
        largest=largest,
        wrong=metrics.n - metrics.correct,
        ordered=len(names) > 2,
        pairs=_pairs(report, metrics),
    )
    return Section(name="confusion", title="Confusions", body=body)


def _table(
    names: list[str], matrix: NDArray[np.int64], shares: NDArray[np.float64], largest: float
) -> Markup:
    shades = _shades(shares, largest)
    rows = [
        (
            name,
            [
                Cell(
                    count=int(matrix[i, j]),
                    share=float(shares[i, j]),
                    shade=float(shades[i, j]),
                    right=i == j,
                )
                for j in range(len(names))
            ],
        )
        for i, name in enumerate(names)
    ]
    return render("confusion_table", names=names, rows=rows)


def _picture(names: list[str], shares: NDArray[np.float64], largest: float) -> Markup:
    pixels = np.zeros((*shares.shape, 4), dtype=np.uint8)
    pixels[..., :3] = np.where(np.eye(len(names))[..., None] > 0, RIGHT_COLOUR, WRONG_COLOUR)
    pixels[..., 3] = np.rint(255 * _shades(shares, largest))
    labelled = len(names) <= MAX_LABELLED_CLASSES
    longest = max(len(name) for name in names)
    return render(
        "confusion_picture",
        names=names if labelled else [],
        classes=len(names),
        cell=_cell_side(len(names)),
        margin=min(longest, 22) * 5 + 14 if labelled else 4,
        source=exact_png_address(pixels),
    )


def _cell_side(classes: int) -> int:
    """Screen pixels of a cell: 100 classes fill the page's width, more classes scroll."""
    if classes > MAX_LABELLED_CLASSES:
        return 2
    return 8 if classes > 60 else 12


def _shades(shares: NDArray[np.float64], largest: float) -> NDArray[np.float64]:
    """Right answers by their share; mistakes relative to the largest, else none would be seen."""
    right = np.eye(len(shares), dtype=bool)
    return np.asarray(np.where(right, shares, shares / largest if largest else 0.0))


def _pairs(report: ReportInput, metrics: Metrics) -> list[PairRow]:
    pairs = confused_pairs(metrics.confusion, PAIRS)
    losses = image_losses(report.predictions)
    rows_of = [_rows_of_pair(report, pair, losses) for pair in pairs]
    drawn = iter(cards(report, [row for rows in rows_of for row in rows]))
    return [
        PairRow(
            true=report.classes[pair.true],
            predicted=report.classes[pair.predicted],
            count=pair.count,
            share=pair.share,
            examples=[next(drawn) for _ in rows],
        )
        for pair, rows in zip(pairs, rows_of, strict=True)
    ]


def _rows_of_pair(
    report: ReportInput, pair: ConfusedPair, losses: NDArray[np.float64]
) -> list[int]:
    predictions = report.predictions
    rows = np.flatnonzero(
        (predictions.labels == pair.true) & (predictions.predicted == pair.predicted)
    )
    order = np.argsort(-losses[rows], kind="stable")
    return [int(row) for row in rows[order][:EXAMPLES_PER_PAIR]]
