"""The runs side by side: what they reach, and what they cost."""

from __future__ import annotations

from nunbit.evaluation.metrics import metrics_in
from nunbit.reports.comparison.cost import cost_of
from nunbit.reports.comparison.inputs import PageInput
from nunbit.reports.kit import Section, render


def runs(given: PageInput) -> Section:
    """Accuracy, macro F1 and loss with speed, size and training time beside them."""
    comparison = given.comparison
    shown = [m for m in metrics_in("compare") if all(m.name in r.numbers for r in comparison.runs)]
    body = render(
        "comparison/runs",
        titles=[metric.title for metric in shown],
        rows=[
            (row, [row.numbers[m.name].text(m.form) for m in shown], cost_of(row))
            for row in comparison.runs
        ],
        same_images=comparison.same_images,
        measured_on=comparison.speed_measured_on,
    )
    return Section(name="runs", title="Side by side", body=body)
