"""Section on slices: accuracy by what is known of the images besides their class."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nunbit.evaluation.slices import MIN_IMAGES, Breakdown, Slice, Slices
from nunbit.reports.kit import Section, render
from nunbit.reports.run.run_result import RunResult


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A slice in the table; places are percent of the axis."""

    part: Slice
    low: float
    high: float
    middle: float


@dataclass(frozen=True, kw_only=True)
class Rows:
    """An attribute and its slices."""

    title: str
    meaning: str
    bars: list[Bar]


def slices(report: RunResult) -> Section | None:
    """Warnings in words, and every slice with its interval; None where nothing is known."""
    found = report.slices
    if found is None or not (found.breakdowns or found.left_out):
        return None
    start = _axis_start(found)
    body = render(
        "run/slices",
        found=found,
        warnings=found.warnings,
        min_images=MIN_IMAGES,
        start=start,
        overall=_place(found.accuracy, start),
        groups=[_rows(breakdown, start) for breakdown in found.breakdowns],
    )
    return Section(name="slices", title="Where is it worse?", body=body)


def _axis_start(found: Slices) -> float:
    """Start of the axis of all charts, a multiple of a tenth; it ends at 1."""
    lows = [part.accuracy_ci95[0] for group in found.breakdowns for part in group.slices]
    return max(0.0, math.floor(10 * min([found.accuracy, *lows]) - 0.2) / 10)


def _rows(breakdown: Breakdown, start: float) -> Rows:
    attribute = breakdown.attribute
    bars = []
    for part in breakdown.slices:
        low, high = part.accuracy_ci95
        bars.append(
            Bar(
                part=part,
                low=_place(low, start),
                high=_place(high, start),
                middle=_place(part.accuracy, start),
            )
        )
    return Rows(title=attribute.title, meaning=attribute.meaning, bars=bars)


def _place(share: float, start: float) -> float:
    return round(100 * (share - start) / (1 - start), 2)
