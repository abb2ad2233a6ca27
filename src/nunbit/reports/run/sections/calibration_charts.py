"""The charts of the confidence: reliability, and accuracy by the fraction that is answered."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from nunbit.evaluation.abstention import Answered, accuracy_by_coverage
from nunbit.evaluation.calibration import Reliability
from nunbit.evaluation.intervals import wilson_interval
from nunbit.formatting import percentage
from nunbit.reports.kit.charts import BLUE, GREEN, INK, LINE, SOFT, draw_chart
from nunbit.types import Predictions

MAX_POINTS = 300
"""Points of a curve; more would not show."""
SIZE = (4.6, 3.4)
_PERCENT = FuncFormatter(lambda value, _: f"{100 * value:.4g} %")


def reliability_chart(reliability: Reliability, *, name: str, title: str) -> Markup:
    """Accuracy of each bin with its interval against the confidence; bars for the images."""
    filled = np.flatnonzero(reliability.counts)
    confidence, accuracy = reliability.confidence[filled], reliability.accuracy[filled]
    counts = reliability.counts[filled]
    right = np.rint(counts * accuracy).astype(int)
    bounds = np.array([wilson_interval(int(k), int(n)) for k, n in zip(right, counts, strict=True)])
    bins = len(reliability.counts)

    def plot(axes: Axes) -> None:
        shares = reliability.counts / counts.sum()
        axes.bar((np.arange(bins) + 0.5) / bins, shares, width=0.9 / bins, color=LINE, linewidth=0)
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1.3, linestyle=(0, (1, 2)))
        axes.vlines(confidence, bounds[:, 0], bounds[:, 1], color=BLUE, linewidth=1.4)
        axes.plot(confidence, accuracy, color=BLUE, marker="o", linestyle="")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("confidence")
        axes.set_ylabel("right")
        axes.xaxis.set_major_formatter(_PERCENT)
        axes.yaxis.set_major_formatter(_PERCENT)

    words = "; ".join(
        f"{n} images at {percentage(c, 0)}: {percentage(a, 0)} right"
        for n, c, a in zip(counts, confidence, accuracy, strict=True)
    )
    return draw_chart(
        plot, name=name, title=title, description=f"{title}. {words}.", size=(4.6, 3.4)
    )


def coverage_chart(predictions: Predictions, targets: Mapping[str, Answered]) -> Markup:
    """Accuracy of the surest answers by their fraction of all images; the targets as dots."""
    answered, correct = accuracy_by_coverage(predictions)
    n = len(predictions)
    accuracy = correct / answered
    shown = np.unique(np.linspace(0, len(answered) - 1, MAX_POINTS).astype(int))
    overall = float(accuracy[-1])
    reached = {float(target): at for target, at in targets.items() if at.accuracy is not None}
    lowest = min([overall, *(at.accuracy or 0 for at in reached.values())])
    bottom = max(lowest - 0.15 * (1.05 - lowest) - 0.01, 0)

    def plot(axes: Axes) -> None:
        for target in (target for target in reached if target > bottom):
            axes.axhline(target, color=SOFT, linewidth=0.9, linestyle=(0, (2, 2)))
            axes.annotate(
                f"wanted: {100 * target:g} %",
                (0.01, target),
                xytext=(0, 2),
                textcoords="offset points",
                fontsize=8.5,
                color=INK,
            )
        marker = "o" if len(shown) == 1 else ""  # all of one confidence: no line is drawn
        axes.plot(answered[shown] / n, accuracy[shown], color=BLUE, marker=marker)
        for at in reached.values():
            place = at.coverage, at.correct / at.answered
            axes.plot(*place, color=GREEN, marker="o", markersize=6)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(bottom, 1 + 0.06 * (1 - bottom))
        axes.set_xlabel("fraction of the images answered, the surest first")
        axes.set_ylabel("right among them")
        axes.xaxis.set_major_formatter(_PERCENT)
        axes.yaxis.set_major_formatter(_PERCENT)

    title = "Accuracy by fraction answered"
    dots = "".join(
        f" At the threshold for {percentage(target, 0)}, {percentage(at.coverage, 0)} are answered "
        f"and {percentage(at.accuracy or 0)} of these are right."
        for target, at in reached.items()
    )
    words = f"{title}: with every test image answered, {percentage(overall)} are right.{dots}"
    return draw_chart(plot, name="coverage", title=title, description=words, size=SIZE)
