"""Charts as SVG inside the page: one style, colours that follow the page's theme.

matplotlib knows no themes. So it draws with placeholder colours, each of which is then replaced
by a variable of the style sheet.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

INK, SOFT, LINE = "#010101", "#010102", "#010103"
SERIES = ("#010104", "#010105")
RED, GREEN, BLUE = "#010106", "#010107", SERIES[0]
VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    LINE: "var(--line)",
    SERIES[0]: "var(--accent)",
    SERIES[1]: "var(--warm)",
    RED: "var(--wrong)",
    GREEN: "var(--right)",
}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": SOFT,
    "text.parse_math": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
    "legend.frameon": False,
}
DASHES: tuple[str | tuple[int, tuple[int, int]], ...] = ("solid", (0, (4, 2)))
FEW_POINTS = 30
"""Up to so many points are marked with dots."""


@dataclass(frozen=True, kw_only=True)
class Lines:
    """A line chart over the epochs."""

    name: str
    """Unique in the page."""
    title: str
    description: str
    """Alternative text."""
    epochs: Sequence[float]
    series: Mapping[str, Sequence[float]]
    """Series, at most two, by the name in the legend; NaN where there is no value."""
    as_percent: bool = False
    marked_epoch: int | None = None
    marks: Sequence[tuple[float, str]] = ()
    """Epochs where something happened, each with a short mark that the text explains."""


def draw_chart(
    plot: Callable[[Axes], None],
    *,
    name: str,
    title: str,
    description: str,
    size: tuple[float, float] = (4.6, 2.7),
) -> Markup:
    """One pair of axes as an SVG element, drawn by `plot` in this module's colours.

    `name` is unique in the page, `description` the alternative text, `size` width and height of
    the drawing in units of 72 pixels.
    """
    with mpl.rc_context():
        mpl.rcdefaults()  # the reader's matplotlibrc must not change the page
        mpl.rcParams.update({**STYLE, "svg.hashsalt": name})
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        plot(axes)
        axes.set_title(title, loc="left", fontsize=10.5, color=INK)
        return inline_svg(figure, name=name, description=description)


def draw_lines(chart: Lines) -> Markup:
    """The chart as an SVG element."""

    def plot(axes: Axes) -> None:
        markers = "o" if len(chart.epochs) <= FEW_POINTS else ""
        for (label, values), colour, dashes in zip(
            chart.series.items(), SERIES, DASHES, strict=False
        ):
            axes.plot(
                chart.epochs, values, color=colour, linestyle=dashes, marker=markers, label=label
            )
        _mark_epoch(axes, chart.marked_epoch)
        _mark_events(axes, chart.marks)
        axes.set_xlabel("epoch")
        axes.set_xlim(min(chart.epochs) - 0.5, max(chart.epochs) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        shown = FuncFormatter(
            (lambda value, _: f"{100 * value:.4g} %")
            if chart.as_percent
            else (lambda value, _: f"{value:.4g}")
        )
        axes.yaxis.set_major_formatter(shown)
        if len(chart.series) > 1:
            axes.legend(loc="best", fontsize=9.5)

    return draw_chart(plot, name=chart.name, title=chart.title, description=chart.description)


def _mark_epoch(axes: Axes, epoch: int | None) -> None:
    if epoch is not None:
        axes.axvline(epoch, color=SOFT, linewidth=1, linestyle=(0, (1, 2)))


def _mark_events(axes: Axes, marks: Sequence[tuple[float, str]]) -> None:
    """A thin line at each epoch, its marks at the upper end."""
    at: dict[float, list[str]] = {}
    for epoch, mark in marks:
        at.setdefault(epoch, []).append(mark)
    for epoch, several in at.items():
        axes.axvline(epoch, color=LINE, linewidth=1)
        axes.annotate(
            ",".join(several),
            (epoch, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(2, -1),
            textcoords="offset points",
            fontsize=8.5,
            verticalalignment="top",
            color=INK,
        )


def inline_svg(
    figure: Figure, *, name: str, description: str, variables: Mapping[str, str] = VARIABLES
) -> Markup:
    """A figure as an SVG element whose colours, the keys of `variables`, follow the style sheet.

    `name` is unique in the page, `description` the alternative text.
    """
    buffer = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=no_metadata)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    opening_end = svg.index(">") + 1
    view_box = re.search(r'viewBox="[^"]*"', svg[:opening_end])
    assert view_box is not None
    body = svg[opening_end:]
    for placeholder, variable in variables.items():
        body = body.replace(placeholder, variable)
    # matplotlib numbers its elements again in every figure, but ids are unique in a page.
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r"url\(#", f"url(#{name}-", body)
    body = re.sub(r'xlink:href="#', f'href="#{name}-', body)
    body = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", body)
    label = html.escape(description)
    return Markup(
        f'<svg class="chart" role="img" aria-label="{label}" {view_box[0]}>'
        f"<title>{label}</title>{body}"
    )
