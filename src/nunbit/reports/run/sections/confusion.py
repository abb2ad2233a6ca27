"""Section on confusions: the confusion matrix and its largest entries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.metrics import Metrics
from nunbit.evaluation.mistakes import ConfusedPair, confused_pairs, confusion_order
from nunbit.reports.kit import Section, render
from nunbit.reports.run.pictures import Card, cards
from nunbit.reports.run.run_result import RunResult
from nunbit.reports.run.sections.confusion_matrix import draw_matrices

PAIRS = 10
"""Number of the most frequent confusions, shown with examples."""
EXAMPLES_PER_PAIR = 4
MAX_LISTED = 300
"""Confusions listed without examples, where the matrix is a picture."""


@dataclass(frozen=True, kw_only=True)
class PairRow:
    """A frequent confusion with example images, or without."""

    true: str
    predicted: str
    count: int
    n: int
    """Images of the true class."""
    share: float
    """Fraction of them."""
    share_ci95: tuple[float, float]
    examples: list[Card]


def confusion(report: RunResult) -> Section | None:
    """The matrix as counts and as fractions, and the most frequent confusions with examples."""
    metrics = report.metrics
    if metrics is None:
        return None
    order = confusion_order(metrics.confusion)
    names = [report.classes[k] for k in order]
    matrices = draw_matrices(names, metrics.confusion[np.ix_(order, order)])
    pairs = confused_pairs(metrics.confusion, PAIRS)
    listed = confused_pairs(metrics.confusion, MAX_LISTED) if matrices.as_picture else ()
    confused = int((metrics.confusion > 0).sum() - (np.diag(metrics.confusion) > 0).sum())
    body = render(
        "run/confusion",
        matrices=matrices,
        wrong=metrics.n - metrics.correct,
        ordered=len(names) > 2,
        pairs=_with_examples(report, metrics, pairs),
        listed=[_row(report, metrics, pair, []) for pair in listed] if len(listed) > PAIRS else [],
        confused=confused,
    )
    return Section(name="confusion", title="Confusions", body=body)


def _with_examples(
    report: RunResult, metrics: Metrics, pairs: tuple[ConfusedPair, ...]
) -> list[PairRow]:
    losses = report.predictions.losses
    rows_of = [_rows_of_pair(report, pair, losses) for pair in pairs]
    # All at once, because one call for the pictures is quicker than many.
    drawn = iter(cards(report, [row for rows in rows_of for row in rows], originals=False))
    return [
        _row(report, metrics, pair, [next(drawn) for _ in rows])
        for pair, rows in zip(pairs, rows_of, strict=True)
    ]


def _row(report: RunResult, metrics: Metrics, pair: ConfusedPair, examples: list[Card]) -> PairRow:
    n = int(metrics.confusion[pair.true].sum())
    return PairRow(
        true=report.classes[pair.true],
        predicted=report.classes[pair.predicted],
        count=pair.count,
        n=n,
        share=pair.share,
        share_ci95=wilson_interval(pair.count, n),
        examples=examples,
    )


def _rows_of_pair(report: RunResult, pair: ConfusedPair, losses: NDArray[np.float64]) -> list[int]:
    predictions = report.predictions
    rows = np.flatnonzero(
        (predictions.labels == pair.true) & (predictions.predicted == pair.predicted)
    )
    order = np.argsort(-losses[rows], kind="stable")
    return [int(row) for row in rows[order][:EXAMPLES_PER_PAIR]]
