"""The runs side by side: what they reach, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence

from nunbit.chunks import chunk_slices
from nunbit.evaluation.comparison.values import RunRow
from nunbit.evaluation.metrics import Metric, metrics_in
from nunbit.reports.comparison.cost import cost_of
from nunbit.reports.comparison.inputs import PageInput
from nunbit.reports.kit import Section, render

MAX_NUMBERS = 3
"""Numbers with their intervals in one table: more would be cut at 1280 pixels."""


def runs(given: PageInput) -> Section:
    """Accuracy, macro F1 and loss with speed, size and training time beside them."""
    comparison = given.comparison
    shown = [m for m in metrics_in("compare") if all(m.name in r.numbers for r in comparison.runs)]
    first, *more = [shown[part] for part in chunk_slices(len(shown), MAX_NUMBERS)]
    body = render(
        "comparison/runs",
        titles=[metric.title for metric in first],
        rows=[(row, _texts(row, first), cost_of(row)) for row in comparison.runs],
        more=[
            ([metric.title for metric in some], [(r, _texts(r, some)) for r in comparison.runs])
            for some in more
        ],
        same_images=comparison.same_images,
        measured_on=comparison.speed_measured_on,
    )
    return Section(name="runs", title="Side by side", body=body)


def _texts(row: RunRow, metrics: Sequence[Metric]) -> list[str]:
    """The numbers of a run as a reader sees them."""
    return [row.numbers[metric.name].text(metric.form) for metric in metrics]
