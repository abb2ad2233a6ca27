"""Charts of a comparison: differences with intervals, and the runs of each configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nunbit.evaluation.comparison.paired import Better, Difference
from nunbit.evaluation.comparison.values import ConfigurationRow
from nunbit.formatting import MINUS
from nunbit.reports.kit.charts import BLUE, GREEN, INK, RED, SOFT, draw_chart

LONGEST_NAME = 22
"""Characters of a name beside an axis; its middle is left out of a longer one."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A difference to draw."""

    name: str
    difference: Difference
    better: Better


def draw_intervals(
    intervals: Sequence[Interval], *, name: str, title: str, description: str
) -> Markup:
    """Each difference as a point in its interval, and a line at no difference.

    Decided ones are marked by shape and colour: a triangle up or down; undecided ones by a circle.
    """
    looks = {"second": (GREEN, "^"), "first": (RED, "v"), "": (SOFT, "o")}

    def plot(axes: Axes) -> None:
        axes.axvline(0, color=INK, linewidth=1)
        for row, interval in enumerate(intervals):
            low, high = (100 * bound for bound in interval.difference.ci95)
            colour, marker = looks[interval.better]
            axes.plot([low, high], [row, row], color=colour, linewidth=2.5)
            axes.plot([100 * interval.difference.value], [row], marker, color=colour, markersize=8)
        _rows(axes, [interval.name for interval in intervals])
        axes.xaxis.set_major_formatter(FuncFormatter(_signed))
        axes.set_xlabel("percentage points")

    return draw_chart(
        plot, name=name, title=title, description=description, size=_size(len(intervals))
    )


def draw_seeds(rows: Sequence[ConfigurationRow], *, name: str, description: str) -> Markup:
    """The accuracy of every run as a circle; mean and interval of each configuration as a line."""

    def plot(axes: Axes) -> None:
        for row, found in enumerate(rows):
            values = [100 * value for value in found.accuracy.values]
            axes.plot(values, [row] * len(values), "o", color=SOFT, markersize=6, fillstyle="none")
            axes.plot([100 * found.accuracy.mean], [row + 0.28], "D", color=BLUE, markersize=5)
            if found.accuracy.ci95 is not None:
                low, high = (100 * bound for bound in found.accuracy.ci95)
                axes.plot([low, high], [row + 0.28] * 2, color=BLUE, linewidth=2)
        _rows(axes, [row.name for row in rows])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g} %"))

    return draw_chart(
        plot,
        name=name,
        title="Accuracy of each run",
        description=description,
        size=_size(len(rows)),
    )


def _signed(value: float, _: object) -> str:
    return f"{value:+.4g}".replace("-", MINUS) if value else "0"


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [short_name(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)  # the first on top
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))


def short_name(name: str) -> str:
    """A name for beside or above a chart, its middle left out where it is long."""
    if len(name) <= LONGEST_NAME:
        return name
    half = (LONGEST_NAME - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def _size(rows: int) -> tuple[float, float]:
    return 4.8, 1.1 + 0.4 * rows
