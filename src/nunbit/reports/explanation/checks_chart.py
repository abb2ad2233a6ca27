"""Deletion and insertion curves of one map beside those of random orders, as a chart.

R random orders, S steps.
"""

from __future__ import annotations

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from nunbit.explain.sanity import Checks
from nunbit.reports.kit.charts import DASHES, SERIES, SOFT, draw_chart


def draw_checks(checks: Checks, *, name: str, target: str) -> Markup:
    """The chart as an SVG element; `name` is unique in the page, `target` the explained class."""
    curves = checks.curves

    def plot(axes: Axes) -> None:
        pairs = (
            ("removed first", curves.deletion, curves.random_deletion),
            ("added first", curves.insertion, curves.random_insertion),
        )
        for (label, ordered, random), colour in zip(pairs, SERIES, strict=True):
            axes.fill_between(
                curves.shares,
                random.min(axis=0),
                random.max(axis=0),
                color=colour,
                alpha=0.18,
                linewidth=0,
            )
            axes.plot(
                curves.shares, random.mean(axis=0), color=colour, linestyle=DASHES[1], linewidth=1
            )
            axes.plot(curves.shares, ordered, color=colour, label=f"map: {label}")
        axes.plot([], [], color=SOFT, linestyle=DASHES[1], linewidth=1, label="random order")
        axes.set_xlabel("fraction of the pixels")
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.02, 1.02)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axes.legend(loc="best", fontsize=8.5)

    orders = len(curves.random_deletion)
    return draw_chart(
        plot,
        name=name,
        title=f"probability of {target}",
        description=f"Probability of {target} while the map's strongest pixels are removed, and "
        f"while they are added, beside {orders} random orders",
        size=(3.5, 2.7),
    )
