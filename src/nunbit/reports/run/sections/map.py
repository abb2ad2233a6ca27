"""A map of the test images: alike for the network, close on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.projection import MIN_POINTS, ImageMap, Projection, map_images
from nunbit.formatting import confidence
from nunbit.reports.kit import Section, render
from nunbit.reports.run.run_result import RunResult
from nunbit.reports.run.sprites import Sheet, make_sheet

COLOURS = 10
"""Five colours, each as disc and as diamond; with more classes the others are grey."""
SHOWN_SIDE = 96
"""Pixels of the longer side of the picture that hovering shows."""
LONGEST_NAME = 40
MARGIN = 0.96
"""Fraction of the frame that the points fill."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One image on one map; places are percent of the frame."""

    x: float
    y: float
    colour: int
    wrong: bool
    column: int
    row: int
    description: str


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One map."""

    method: str
    variance: float | None
    aspect: float
    """Width over height of the frame."""
    points: list[Point]


@dataclass(frozen=True, kw_only=True)
class Key:
    """A line of the legend."""

    colour: int
    name: str
    count: int
    wrong: int


def feature_map(report: RunResult) -> Section | None:
    """The map by PCA, and by UMAP where it is installed; or why there is none."""
    if not len(report.predictions):
        return None
    if report.features is None:
        if not report.no_features:
            return None
        return _section(render("run/no_map", reason=report.no_features))
    seed = report.summary.seed or 0
    found = map_images(report.predictions, report.features, seed=seed)
    if found is None:
        reason = f"fewer than {MIN_POINTS} test images differ in what the last layer is given"
        return _section(render("run/no_map", reason=reason))
    predictions = report.predictions
    sheet = make_sheet(report.pictures, predictions.indices[found.rows])
    wrong = predictions.predicted[found.rows] != predictions.labels[found.rows]
    colours = _colours(predictions.labels[found.rows], wrong, classes=len(report.classes))
    described = _descriptions(report, found.rows)
    scale = SHOWN_SIDE / max(sheet.width, sheet.height)
    body = render(
        "run/map",
        maps=[
            _drawn(projection, sheet, colours=colours, wrong=wrong, described=described)
            for projection in found.projections
        ],
        keys=_keys(report, found, colours, wrong),
        sheet=sheet,
        scale=scale,
        shown=len(found.rows),
        n=len(predictions),
        mistakes_shown=int(wrong.sum()),
        mistakes_of=found.mistakes_of,
        images_of=found.images_of,
        seed=seed,
        features=report.features.values.shape[1],
        layer=report.features.layer,
    )
    return _section(body)


def _section(body: object) -> Section:
    return Section(name="map", title="Map of the test images", body=body)  # type: ignore[arg-type]


def _drawn(
    projection: Projection,
    sheet: Sheet,
    *,
    colours: NDArray[np.int64],
    wrong: NDArray[np.bool_],
    described: Sequence[str],
) -> Drawn:
    spans = np.maximum(np.ptp(projection.points, axis=0), 1e-9)
    # Never taller than wide, and never flatter than twice as wide: both directions matter.
    width = max(spans)
    height = max(spans[1], width / 2)
    x = 50 + 100 * MARGIN * (projection.points[:, 0] - 0.5) / width
    y = 50 - 100 * MARGIN * (projection.points[:, 1] - 0.5) / height
    points = []
    for number, text in enumerate(described):
        column, row = sheet.place(number)
        points.append(
            Point(
                x=round(float(x[number]), 2),
                y=round(float(y[number]), 2),
                colour=int(colours[number]),
                wrong=bool(wrong[number]),
                column=column,
                row=row,
                description=text,
            )
        )
    return Drawn(
        method=projection.method,
        variance=projection.variance,
        aspect=round(float(width / height), 3),
        points=points,
    )


def _colours(
    labels: NDArray[np.int64], wrong: NDArray[np.bool_], *, classes: int
) -> NDArray[np.int64]:
    """Number of each point's colour [P], by its true class.

    With more classes than colours, those with the most mistakes on the map have one each.
    """
    if classes <= COLOURS:
        return labels
    mistakes = np.bincount(labels[wrong], minlength=classes)
    first = np.sort(np.argsort(-mistakes, kind="stable")[:COLOURS])
    number = np.full(classes, COLOURS, dtype=np.int64)
    number[first] = np.arange(COLOURS)
    return np.asarray(number[labels])


def _keys(
    report: RunResult, found: ImageMap, colours: NDArray[np.int64], wrong: NDArray[np.bool_]
) -> list[Key]:
    labels = report.predictions.labels[found.rows]
    keys = []
    for colour in np.unique(colours):
        mask = colours == colour
        name = report.classes[int(labels[mask][0])]
        keys.append(
            Key(
                colour=int(colour),
                name="all other classes" if colour == COLOURS else name,
                count=int(mask.sum()),
                wrong=int(wrong[mask].sum()),
            )
        )
    return keys


def _descriptions(report: RunResult, rows: NDArray[np.int64]) -> list[str]:
    """'0012.png: predicted cat (98.1 %), truly dog' of each row [P] of the predictions."""
    predictions = report.predictions
    sure = predictions.probabilities.max(axis=1)
    words = []
    for row in rows:
        name = PurePosixPath(report.path(int(row))).name
        short = name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}"
        answer = report.classes[predictions.predicted[row]]
        true = report.classes[predictions.labels[row]]
        verdict = f"truly {true}" if answer != true else "right"
        words.append(f"{short}: predicted {answer} ({confidence(float(sure[row]))}), {verdict}")
    return words
