"""One look for the pictures of all labs.

The colours are those of nunbit's pages in daylight. In a page's SVG they are replaced by the style
sheet's variables, so that the picture follows the reader's theme; a notebook shows them as they
are.
"""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap

from nunbit.reports.kit import charts

BLUE, ORANGE = "#0b62a8", "#b4480a"
GREEN, RED = "#0a6f52", "#b0340f"
INK, SOFT, LINE, CARD, PAPER = "#1b1f24", "#57606a", "#d5dae0", "#f5f6f8", "#fffffe"
PURPLE, TEAL, PINK, OLIVE = "#8a63d2", "#1a9aa8", "#c2468f", "#8a8a1c"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, PINK, TEAL, OLIVE)
"""Colours in the order in which lines take them; the last four are the same in both themes."""
BLUE_ORANGE = LinearSegmentedColormap.from_list("nunbit-blue-orange", [ORANGE, "#ffffff", BLUE])
"""Colour map for values around 0: orange below, blue above."""

VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    LINE: "var(--line)",
    CARD: "var(--card)",
    PAPER: "var(--paper)",
    BLUE: "var(--accent)",
    ORANGE: "var(--warm)",
    GREEN: "var(--right)",
    RED: "var(--wrong)",
}
_PLACEHOLDERS = {charts.INK: INK, charts.SOFT: SOFT, charts.LINE: LINE}
STYLE: dict[Any, Any] = {
    **{
        key: _PLACEHOLDERS.get(value, value) if isinstance(value, str) else value
        for key, value in charts.STYLE.items()
    },
    "axes.grid.axis": "both",
    "axes.prop_cycle": cycler(color=CYCLE),
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.labelsize": 10,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "figure.titlesize": 11.5,
    "figure.dpi": 100,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "legend.fontsize": 9.5,
    "text.parse_math": True,
}


def apply_style() -> None:
    """Make it matplotlib's style from here on; the reader's own settings do not show through."""
    mpl.rcdefaults()
    mpl.rcParams.update(STYLE)
