"""Section on the classes: metrics of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nunbit.chunks import chunk_slices
from nunbit.evaluation.metrics import ClassMetrics, Metrics, registry
from nunbit.reports.kit import Section, render
from nunbit.reports.run.run_result import RunResult

BAR_OF = "recall"
"""The number that is also drawn: rows are sorted by it."""
MAX_NUMBERS = 3
"""Numbers with their intervals in one table: more would be cut at 1280 pixels."""


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number of one class."""

    value: float
    ci95: tuple[float, float] | None
    defined: bool
    text: str
    """The number with its interval, or why there is none."""


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """One class of the table."""

    name: str
    counts: ClassMetrics
    numbers: list[Number]
    """Numbers in the order of the table's `titles`."""
    taken_for: str
    """The class it was most often mistaken for, '' if for none."""
    taken_for_count: int


def classes(report: RunResult) -> Section | None:
    """Each class metric with its interval, and the main mistake; weakest class first."""
    metrics = report.metrics
    if metrics is None:
        return None
    columns = [
        metric
        for metric in registry.CLASS_METRICS
        if any(metric.measure(counts) is not None for counts in metrics.per_class.values())
    ]
    rows = [
        _row(report, metrics, k, counts, columns)
        for k, counts in enumerate(metrics.per_class.values())
    ]
    rows.sort(key=lambda row: (row.counts.n == 0, row.counts.recall))
    first, *more = [
        _part(rows, columns, which) for which in chunk_slices(len(columns), MAX_NUMBERS)
    ]
    body = render(
        "run/classes",
        titles=first["titles"],
        meanings=[metric.meaning for metric in columns if metric.meaning],
        bar=next((i for i, metric in enumerate(columns) if metric.name == BAR_OF), -1),
        rows=first["rows"],
        more=more,
    )
    return Section(name="classes", title="Classes", body=body)


def _part(
    rows: Sequence[ClassRow], columns: Sequence[registry.ClassMetric], which: slice
) -> dict[str, Any]:
    """One table: some of the numbers of every class."""
    return {
        "titles": [metric.title for metric in columns[which]],
        "rows": [replace(row, numbers=row.numbers[which]) for row in rows],
    }


def _row(
    report: RunResult,
    metrics: Metrics,
    k: int,
    counts: ClassMetrics,
    columns: Sequence[registry.ClassMetric],
) -> ClassRow:
    mistakes = metrics.confusion[k].copy()
    mistakes[k] = 0
    largest = int(mistakes.argmax())
    return ClassRow(
        name=report.classes[k],
        counts=counts,
        numbers=[_number(metric, counts) for metric in columns],
        taken_for=report.classes[largest] if mistakes[largest] else "",
        taken_for_count=int(mistakes[largest]),
    )


def _number(metric: registry.ClassMetric, counts: ClassMetrics) -> Number:
    found = metric.measure(counts)
    if found is None:
        return Number(value=0.0, ci95=None, defined=False, text=metric.undefined)
    defined = metric.is_defined(counts)
    return Number(
        value=found.value,
        ci95=found.ci95,
        defined=defined,
        text=found.text(metric.form) if defined else metric.undefined,
    )
