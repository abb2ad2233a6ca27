"""How each class fares."""

from __future__ import annotations

from dataclasses import dataclass

from nunbit.evaluation.metrics import ClassMetrics, Metrics
from nunbit.formatting import decimal
from nunbit.reports.kit import Section, render
from nunbit.reports.run.run_result import RunResult


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """One class of the table."""

    name: str
    numbers: ClassMetrics
    f1: str
    """With its interval."""
    taken_for: str
    """The class it was most often mistaken for, '' if for none."""
    taken_for_count: int


def classes(report: RunResult) -> Section | None:
    """Recall, precision, F1, each with its interval, and the main mistake; weakest class first."""
    metrics = report.metrics
    if metrics is None:
        return None
    rows = [
        _row(report, metrics, k, numbers) for k, numbers in enumerate(metrics.per_class.values())
    ]
    rows.sort(key=lambda row: (row.numbers.n == 0, row.numbers.recall))
    body = render("run/classes", rows=rows, metrics=metrics)
    return Section(name="classes", title="Classes", body=body)


def _row(report: RunResult, metrics: Metrics, k: int, numbers: ClassMetrics) -> ClassRow:
    mistakes = metrics.confusion[k].copy()
    mistakes[k] = 0
    most = int(mistakes.argmax())
    return ClassRow(
        name=report.classes[k],
        numbers=numbers,
        f1="{} ({:.2f} to {:.2f})".format(decimal(numbers.f1), *numbers.f1_ci95),
        taken_for=report.classes[most] if mistakes[most] else "",
        taken_for_count=int(mistakes[most]),
    )
