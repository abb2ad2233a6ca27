"""Section on the result: verdicts, and the differences as a chart."""

from __future__ import annotations

from nunbit.evaluation.comparison.values import Comparison
from nunbit.formatting import points_with_range
from nunbit.reports.comparison.charts import Interval, draw_intervals, short_name
from nunbit.reports.comparison.inputs import PageInput
from nunbit.reports.kit import Section, render


def result(given: PageInput) -> Section:
    """The verdicts, and each difference with its interval beside no difference."""
    comparison = given.comparison
    found = _intervals(comparison)
    chart = None
    if found:
        first = (comparison.over_seeds or comparison.pairs)[0].first
        described = "; ".join(
            f"{i.name}: {points_with_range(i.difference.value, i.difference.ci95)}" for i in found
        )
        chart = draw_intervals(
            found,
            name="differences",
            title=f"Accuracy less that of {short_name(first)}",
            description=f"Differences of accuracy from {first}. {described}",
        )
    body = render(
        "comparison/result",
        headline=comparison.verdicts[0],
        others=comparison.verdicts[1:],
        chart=chart,
        notes=comparison.notes,
    )
    return Section(name="result", title="Result", body=body)


def _intervals(comparison: Comparison) -> list[Interval]:
    """Intervals over seeds if there are several: one seed's difference says less."""
    if comparison.over_seeds:
        return [
            Interval(name=row.second, difference=row.found.difference, better=row.better)
            for row in comparison.over_seeds
        ]
    return [
        Interval(name=row.second, difference=row.pair.accuracy, better=row.better)
        for row in comparison.pairs
    ]
