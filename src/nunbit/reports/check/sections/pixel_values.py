"""The pixels in numbers: mean, standard deviation and histogram before and after scaling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from nunbit.checks.diagnosis import Diagnosis
from nunbit.checks.measurements.statistics import PartStatistics, Scaling, Statistics
from nunbit.reports.kit import Section, render
from nunbit.reports.kit.charts import BLUE, GREEN, RED, SERIES, draw_chart

PARTS = {"all": "All", "train": "Training", "validation": "Validation", "test": "Test"}
CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}
TITLES = {
    "raw": "As it is, 0 to 255",
    "zero-one": "Scaled to 0 to 1",
    "minus-one-one": "Scaled to −1 to 1",
    "imagenet": "z-score by ImageNet’s numbers",
    "z-score": "z-score by the data’s own numbers",
}
"""Titles of the histograms, which have no room for the titles of the scalings."""
COLOURS = {1: (SERIES[0],), 3: (RED, GREEN, BLUE)}


def pixel_values(diagnosis: Diagnosis) -> Section | None:
    """Statistics of each part, and the training part's histogram under every scaling."""
    statistics = diagnosis.statistics
    if statistics is None:
        return None
    own = _own(statistics)
    body = render(
        "check/pixel_values",
        rows=_part_rows(statistics),
        own=PARTS[own.name].lower(),
        charts=[
            _histogram(own, None),
            *(_histogram(own, scaling) for scaling in statistics.scalings),
        ],
        scalings=[
            row
            for scaling in statistics.scalings
            for row in _scaling_rows(statistics, scaling, own)
        ],
        mean=_joined(diagnosis.preprocess.mean),
        std=_joined(diagnosis.preprocess.std),
    )
    return Section(name="pixels", title="Pixel values", body=body)


def _own(statistics: Statistics) -> PartStatistics:
    """The training part, or all images where it has none."""
    named = {part.name: part for part in statistics.parts}
    return named.get("train", named["all"])


def _part_rows(statistics: Statistics) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for part in statistics.parts:
        for channel, name in enumerate(CHANNELS[len(part.histogram)]):
            rows.append(
                {
                    "part": PARTS[part.name] if channel == 0 else "",
                    "images": part.images if channel == 0 else None,
                    "channel": name,
                    "mean": f"{part.mean[channel]:.2f}",
                    "std": f"{part.std[channel]:.2f}",
                    "range": f"{part.minimum[channel]} to {part.maximum[channel]}",
                }
            )
    return rows


def _scaling_rows(
    statistics: Statistics, scaling: Scaling, own: PartStatistics
) -> Iterator[dict[str, str]]:
    after = statistics.scaled(scaling, own.name)
    for channel, name in enumerate(CHANNELS[len(own.histogram)]):
        yield {
            "title": scaling.title if channel == 0 else "",
            "channel": name,
            "subtracted": _short(scaling.mean[channel]),
            "divided": _short(scaling.std[channel]),
            "mean": _short(after.mean[channel]),
            "std": _short(after.std[channel]),
            "range": f"{_short(after.minimum[channel])} to {_short(after.maximum[channel])}",
        }


def _joined(values: Sequence[float]) -> str:
    return ", ".join(_short(value) for value in values)


def _short(value: float) -> str:
    return f"{round(value, 4) + 0.0:.4g}".replace("-", "−")


def _histogram(part: PartStatistics, scaling: Scaling | None) -> Markup:
    shares = part.histogram / part.histogram.sum(axis=1, keepdims=True)
    name = "raw" if scaling is None else scaling.name
    title = TITLES.get(name, name)

    def plot(axes: Axes) -> None:
        names, colours = CHANNELS[len(shares)], COLOURS[len(shares)]
        for channel, (label, colour) in enumerate(zip(names, colours, strict=True)):
            edges = np.arange(257) - 0.5 if scaling is None else scaling.edges(channel)
            axes.stairs(shares[channel], edges, color=colour, linewidth=1.1, label=label)
        axes.set_yscale("log")
        axes.set_ylim(bottom=_lowest(shares))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))
        axes.set_xlabel("value of a pixel")
        if len(shares) > 1:
            axes.legend(loc="best", fontsize=9, ncols=3)

    return draw_chart(
        plot,
        name=f"histogram-{name}",
        title=title,
        description=f"Histogram of the {PARTS[part.name].lower()} images’ pixel values: {title}.",
        size=(4.6, 2.3),
    )


def _lowest(shares: NDArray[np.float64]) -> float:
    """Bottom of the logarithmic axis: a share below the smallest that occurs, within reason."""
    return max(float(shares[shares > 0].min()) / 2, float(shares.max()) * 1e-5)
