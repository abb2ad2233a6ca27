"""Runs on the same images, two by two."""

from __future__ import annotations

from nunbit.formatting import p_value, points_with_range, signed_with_range
from nunbit.reports.comparison.inputs import PageInput
from nunbit.reports.kit import Section, render


def pairs(given: PageInput) -> Section | None:
    """Differences with intervals, the test, and how many images each gets that the other misses."""
    found = given.comparison.pairs
    if not found:
        return None
    rows = [
        {
            "row": row,
            "accuracy": points_with_range(row.pair.accuracy.value, row.pair.accuracy.ci95),
            "macro_f1": signed_with_range(row.pair.macro_f1.value, row.pair.macro_f1.ci95),
            "loss": signed_with_range(row.pair.loss.value, row.pair.loss.ci95),
            "p": p_value(row.pair.p_value),
            "p_adjusted": p_value(row.p_adjusted),
        }
        for row in found
    ]
    body = render("comparison/pairs", rows=rows)
    return Section(name="pairs", title="Image by image", body=body)
