"""Charts of loss, accuracy and learning rate over the epochs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup

from nunbit.formatting import decimal, percent
from nunbit.reports.kit.charts import Lines, draw_lines
from nunbit.reports.run.run_result import RunResult
from nunbit.reports.run.sections.events import marked_events


def draw_curves(report: RunResult) -> list[Markup]:
    """Training and validation side by side, and the learning rate where it is known."""
    charts = [
        _training_and_validation(report, "loss", as_percent=False),
        _training_and_validation(report, "accuracy", as_percent=True),
    ]
    rates = column(report, "learning_rate")
    if not all(map(math.isnan, rates)):
        charts.append(_learning_rate(report, rates))
    return charts


def _training_and_validation(report: RunResult, quantity: str, *, as_percent: bool) -> Markup:
    named = {
        label: column(report, f"{part}_{quantity}")
        for part, label in (("train", "training"), ("validation", "validation"))
    }
    series = {k: values for k, values in named.items() if not all(map(math.isnan, values))}
    show = percent if as_percent else decimal
    ends = "; ".join(
        f"{label} from {_shown(values[0], show)} to {_shown(values[-1], show)}"
        for label, values in series.items()
    )
    return draw_lines(
        Lines(
            name=f"{quantity}-chart",
            title=quantity.capitalize(),
            description=f"{quantity.capitalize()} by epoch. {ends or 'No values'}.",
            epochs=_epochs(report),
            series=series,
            as_percent=as_percent,
            marked_epoch=report.best_epoch,
            marks=_marks(report),
        )
    )


def _learning_rate(report: RunResult, rates: Sequence[float]) -> Markup:
    known = [rate for rate in rates if not math.isnan(rate)]
    return draw_lines(
        Lines(
            name="rate-chart",
            title="Learning rate",
            description=f"Learning rate by epoch, between {min(known):.3g} and {max(known):.3g}.",
            epochs=_epochs(report),
            series={"learning rate": rates},
            marks=_marks(report),
        )
    )


def _marks(report: RunResult) -> list[tuple[float, str]]:
    return [(float(epoch), mark) for mark, epoch, _ in marked_events(report)]


def _shown(value: float, show: Callable[[float], str]) -> str:
    return "unknown" if math.isnan(value) else show(value)


def _epochs(report: RunResult) -> list[float]:
    return [float(row["epoch"]) for row in report.epochs]


def column(report: RunResult, key: str) -> list[float]:
    """Values of one key, NaN where a row has none."""
    values = (row.get(key) for row in report.epochs)
    return [math.nan if value is None else float(value) for value in values]
