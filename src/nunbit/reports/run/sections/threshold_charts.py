"""The curves of thresholds: charts for two classes, small drawings for each of several.

M thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from nunbit.evaluation.metrics import ClassMetrics
from nunbit.evaluation.operating_point import OperatingResult
from nunbit.evaluation.threshold_curves import ThresholdCurve
from nunbit.formatting import decimal_with_short_range, percentage
from nunbit.reports.kit.charts import BLUE, GREEN, SOFT, draw_chart

MAX_POINTS, MAX_POINTS_SMALL = 300, 60
"""Limits of a curve's points; more would not show."""
SIZE = (4.6, 3.8)
_PERCENT = FuncFormatter(lambda value, _: f"{100 * value:.4g} %")


def roc_chart(curve: ThresholdCurve, name: str, result: OperatingResult | None) -> Markup:
    """Sensitivity against false alarms with its band; the operating point as a dot."""
    shown = curve.thinned(MAX_POINTS)
    upper, lower = shown.roc_band
    edge = _closed(upper, lower)

    def plot(axes: Axes) -> None:
        axes.fill(edge[:, 0], edge[:, 1], color=BLUE, alpha=0.18, linewidth=0)
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1.3, linestyle=(0, (1, 2)))
        axes.plot(np.append(0, shown.false_alarms), np.append(0, shown.sensitivity), color=BLUE)
        if (point := _rates(result)) is not None:
            axes.plot(1 - point[1], point[0], color=GREEN, marker="o", markersize=7)
        _frame(axes, "false alarms: others that are given the class", "sensitivity")

    title = f"ROC: {name} found, and others taken for it"
    words = f"{title}. {_at_the_point(result)}"
    return draw_chart(plot, name="roc", title="ROC curve", description=words, size=SIZE)


def precision_chart(curve: ThresholdCurve, name: str, result: OperatingResult | None) -> Markup:
    """Precision against recall with its band; the operating point as a dot."""
    shown = curve.thinned(MAX_POINTS)
    low, high = shown.precision_band
    frequency = curve.positives / (curve.positives + curve.negatives)

    def plot(axes: Axes) -> None:
        axes.fill_between(shown.sensitivity, low, high, color=BLUE, alpha=0.18, linewidth=0)
        axes.axhline(frequency, color=SOFT, linewidth=1.3, linestyle=(0, (1, 2)))
        axes.plot(shown.sensitivity, shown.precision, color=BLUE)
        if result is not None and result.positives and result.found:
            answered = result.found + result.negatives - result.passed
            place = result.found / result.positives, result.found / answered
            axes.plot(*place, color=GREEN, marker="o", markersize=7)
        _frame(axes, "recall: found of the class", "precision: right when the class is answered")

    words = (
        f"Precision by recall of {name}; answering it always is right in {percentage(frequency)}. "
        f"{_at_the_point(result)}"
    )
    title = "Precision-recall curve"
    return draw_chart(plot, name="precision-recall", title=title, description=words, size=SIZE)


@dataclass(frozen=True, kw_only=True)
class SmallCurve:
    """Both curves of a class in a square from 0 to 100, as points of SVG."""

    name: str
    roc: str
    roc_band: str
    precision: str
    precision_band: str
    frequency: float
    """Height of the precision of answering the class always."""
    numbers: str
    """AUC and average precision in words."""


def small_curve(name: str, curve: ThresholdCurve, counts: ClassMetrics) -> SmallCurve:
    """The drawing of a class among several."""
    shown = curve.thinned(MAX_POINTS_SMALL)
    low, high = shown.precision_band
    recall = shown.sensitivity
    roc = np.stack([shown.false_alarms, recall], axis=1)
    return SmallCurve(
        name=name,
        roc=_points(np.concatenate([[[0.0, 0.0]], roc])),
        roc_band=_points(_closed(*shown.roc_band)),
        precision=_points(np.stack([recall, shown.precision], axis=1)),
        precision_band=_points(
            _closed(np.stack([recall, high], axis=1), np.stack([recall, low], axis=1))
        ),
        frequency=round(100 * (1 - curve.positives / (curve.positives + curve.negatives)), 1),
        numbers=_numbers(counts),
    )


def _closed(upper: NDArray[np.float64], lower: NDArray[np.float64]) -> NDArray[np.float64]:
    """The outline between two edges, [M, 2] each: there along one and back along the other."""
    return np.concatenate([upper, lower[::-1]])


def _points(places: NDArray[np.float64]) -> str:
    """Points of SVG, whose second coordinate grows downwards."""
    return " ".join(f"{100 * x:.1f},{100 * (1 - y):.1f}" for x, y in places)


def _numbers(counts: ClassMetrics) -> str:
    words = []
    for title, ranked in (("AUC", counts.ranked_roc_auc), ("AP", counts.ranked_precision)):
        if ranked is not None:
            value = f"{ranked.value:.3f}"
            if ranked.ci95 is not None:
                value = decimal_with_short_range(ranked.value, ranked.ci95)
            words.append(f"{title} {value}")
    return ", ".join(words)


def _rates(result: OperatingResult | None) -> tuple[float, float] | None:
    """Sensitivity and specificity at the operating point, where both are known."""
    if result is None or result.sensitivity is None or result.specificity is None:
        return None
    return result.sensitivity, result.specificity


def _at_the_point(result: OperatingResult | None) -> str:
    if result is None or (rates := _rates(result)) is None:
        return ""
    return (
        f"At the operating point {result.point.threshold:.3f}, the sensitivity is "
        f"{percentage(rates[0])} and the specificity {percentage(rates[1])}."
    )


def _frame(axes: Axes, x: str, y: str) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.xaxis.set_major_formatter(_PERCENT)
    axes.yaxis.set_major_formatter(_PERCENT)
