"""Runs on the same images, two by two."""

from __future__ import annotations

from nunbit.evaluation.comparison.paired_numbers import PairedNumber
from nunbit.evaluation.metrics import METRICS
from nunbit.formatting import DASH, MINUS, p_value, points_with_range, signed_with_range
from nunbit.reports.comparison.inputs import PageInput
from nunbit.reports.kit import Section, render


def pairs(given: PageInput) -> Section | None:
    """Differences with intervals, the test, and how many images each gets that the other misses."""
    found = given.comparison.pairs
    if not found:
        return None
    further = [
        metric for metric in METRICS if any(metric.name in row.pair.numbers for row in found)
    ]
    rows = [
        {
            "row": row,
            "accuracy": points_with_range(row.pair.accuracy.value, row.pair.accuracy.ci95),
            "macro_f1": signed_with_range(row.pair.macro_f1.value, row.pair.macro_f1.ci95),
            "loss": signed_with_range(row.pair.loss.value, row.pair.loss.ci95),
            "numbers": [_text(row.pair.numbers.get(metric.name)) for metric in further],
            "p": p_value(row.pair.p_value),
            "p_adjusted": p_value(row.p_adjusted),
        }
        for row in found
    ]
    body = render("comparison/pairs", rows=rows, further=further)
    return Section(name="pairs", title="Image by image", body=body)


def _text(number: PairedNumber | None) -> str:
    """'+0.0123 (0.0023 to 0.0223)'; without the interval where there is none."""
    if number is None:
        return DASH
    if number.ci95 is None:
        return f"{number.value:+.4f}".replace("-", MINUS)
    return signed_with_range(number.value, number.ci95)
