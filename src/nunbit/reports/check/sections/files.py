"""Sizes of the images, and what differs between the classes' files: what a network may learn."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from nunbit.checks.diagnosis import Diagnosis
from nunbit.checks.metadata.shortcuts import PropertyTable, property_tables
from nunbit.formatting import percent
from nunbit.reports.kit import Section, render
from nunbit.reports.kit.charts import SERIES, draw_chart
from nunbit.types import ClassNames, ImageFacts

MAX_POINTS = 1500
"""Sizes drawn one by one; beyond, near ones are drawn as one."""
LOG_FROM = 8
"""Largest over smallest side from which the chart's axes are logarithmic."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Distribution of one property of the files over the classes."""

    title: str
    values: tuple[str, ...]
    rows: list[tuple[str, int, list[tuple[int, float]]]]
    """Class, its images, and for each value the number and fraction of images in the class."""
    remark: str
    """Sentence on what the property alone would tell."""


def files(diagnosis: Diagnosis) -> Section | None:
    """Sizes as a chart and in numbers; format, mode, size and shape of each class."""
    pairs = zip(diagnosis.inspection.facts, diagnosis.split.reasons, strict=True)
    facts = [fact for fact, reason in pairs if fact is not None and not reason]
    if not facts:
        return None
    sizes = Counter((fact.width, fact.height) for fact in facts)
    tables = property_tables(diagnosis.samples, diagnosis.inspection, diagnosis.split.reasons)
    body = render(
        "check/files",
        images=len(facts),
        commonest=sizes.most_common(5),
        different=len(sizes),
        spreads=_spreads(facts),
        chart=_chart(diagnosis, sizes) if len(sizes) > 1 else "",
        kinds=Counter(f"{fact.format} {fact.mode}" for fact in facts).most_common(5),
        are_files=not diagnosis.samples.images.decoded,
        tables=[_table(table, diagnosis.samples.classes) for table in tables],
    )
    return Section(name="files", title="Sizes and files", body=body)


def _table(table: PropertyTable, classes: ClassNames) -> Table:
    order, values, unit = _in_order(table.values)
    rows = []
    for name, counts in zip(classes, table.counts[:, order].tolist(), strict=True):
        images = sum(counts)
        rows.append((name, images, [(count, count / max(1, images)) for count in counts]))
    remark = (
        "Answering each column’s most frequent class is right for "
        f"{percent(table.accuracy)} of these very images, the largest class for "
        f"{percent(table.baseline)}. A finding above says so where that is more than chance."
    )
    remark = remark.replace(" %", "\N{NO-BREAK SPACE}%")
    return Table(title=f"{table.title}{unit}", values=values, rows=rows, remark=remark)


def _in_order(values: Sequence[str]) -> tuple[list[int], tuple[str, ...], str]:
    """Numbers ascending, names as they are; and what all values end with, said once."""
    order = list(range(len(values)))
    starts = [re.match(r"[\d.]+", value) for value in values]
    if all(starts):
        order.sort(key=lambda i: float(starts[i][0]))  # type: ignore[index]
    words = zip(*(reversed(value.split(" ")[1:]) for value in values), strict=False)
    common = [word for word, *_ in takewhile(lambda w: len(set(w)) == 1, words)]
    unit = "".join(f" {word}" for word in reversed(common))
    return order, tuple(values[i].removesuffix(unit) for i in order), f",{unit}" if unit else ""


def _spreads(facts: list[ImageFacts]) -> list[tuple[str, str, str, str]]:
    """(what, smallest, median, largest) in words."""
    columns: dict[str, list[float]] = {
        "width": [fact.width for fact in facts],
        "height": [fact.height for fact in facts],
        "width : height": [fact.width / fact.height for fact in facts],
    }
    return [
        (name, _number(min(values)), _number(float(np.median(values))), _number(max(values)))
        for name, values in columns.items()
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"


def _chart(diagnosis: Diagnosis, sizes: Counter[tuple[int, int]]) -> Markup:
    points = _points(sizes)
    sides = points[:, :2]
    wide = sides.max() / sides.min() > LOG_FROM
    contract = diagnosis.preprocess

    def plot(axes: Axes) -> None:
        area = 8 + 160 * points[:, 2] / points[:, 2].max()
        axes.scatter(points[:, 0], points[:, 1], s=area, color=SERIES[0], alpha=0.45, linewidths=0)
        axes.plot(
            contract.width,
            contract.height,
            "+",
            color=SERIES[1],
            markersize=12,
            markeredgewidth=2.5,
            label="network’s input",
            zorder=3,
        )
        for axis, name in ((axes.xaxis, "width"), (axes.yaxis, "height")):
            axis.set_label_text(f"{name} in pixels")
        if wide:
            axes.set_xscale("log", base=2)
            axes.set_yscale("log", base=2)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
                axis.set_minor_formatter(NullFormatter())
        axes.legend(loc="best", fontsize=9)

    return draw_chart(
        plot,
        name="sizes-chart",
        title="Width and height of the images as stored",
        description=f"{len(sizes):,} different sizes, from {sides[:, 0].min():.0f} to "
        f"{sides[:, 0].max():.0f} pixels wide and from {sides[:, 1].min():.0f} to "
        f"{sides[:, 1].max():.0f} pixels high; the larger a dot, the more images.",
        size=(4.6, 3.4),
    )


def _points(sizes: Counter[tuple[int, int]]) -> NDArray[np.float64]:
    """(width, height, images) [P, 3], near sizes together where there are too many."""
    points = np.array([(w, h, count) for (w, h), count in sizes.items()], dtype=np.float64)
    step = 0.01
    while len(points) > MAX_POINTS:
        step *= 2
        cells = np.exp(np.round(np.log(points[:, :2]) / step) * step)
        unique, inverse = np.unique(cells, axis=0, return_inverse=True)
        points = np.column_stack([unique, np.bincount(inverse.ravel(), weights=points[:, 2])])
    return points
