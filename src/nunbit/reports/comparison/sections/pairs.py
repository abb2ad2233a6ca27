"""Runs on the same images, two by two."""

from __future__ import annotations

from nunbit.evaluation.comparison.verdicts import p_words, points_with_range, signed_with_range
from nunbit.reports.comparison.inputs import PageInput
from nunbit.reports.comparison.rendering import render
from nunbit.reports.kit import Section


def pairs(given: PageInput) -> Section | None:
    """Differences with intervals, the test, and how many images each gets that the other misses."""
    found = given.comparison.pairs
    if not found:
        return None
    rows = [
        {
            "row": row,
            "accuracy": points_with_range(row.pair.accuracy),
            "macro_f1": signed_with_range(row.pair.macro_f1),
            "loss": signed_with_range(row.pair.loss),
            "p": p_words(row.pair.p_value),
            "p_adjusted": p_words(row.p_adjusted),
        }
        for row in found
    ]
    body = render("pairs", rows=rows)
    return Section(name="pairs", title="Image by image", body=body)
