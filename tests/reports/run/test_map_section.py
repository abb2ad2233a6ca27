from __future__ import annotations

import base64
import io
import re
import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nunbit.evaluation.projection import Features
from nunbit.reports.run.run_result import RunResult
from nunbit.reports.run.sections.map import COLOURS, feature_map
from nunbit.reports.run.sprites import BLOCK, LARGEST, make_sheet
from tests.evaluation.cases import names, random_predictions, report_input
from tests.reports.run.page import Page


@pytest.fixture(autouse=True)
def without_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)


def plain(height: int, width: int, channels: int = 3):  # type: ignore[no-untyped-def]
    """A picture getter: row i is of grey level i."""

    def pictures(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        levels = rows.astype(np.uint8)[:, None, None, None]
        return np.broadcast_to(levels, (len(rows), height, width, channels)).copy()

    return pictures


def report(classes: int, n: int = 120, **changes: object) -> RunResult:
    predictions = random_predictions(n, classes, skill=2)
    values = np.random.default_rng(0).normal(size=(n, 6)).astype(np.float32)
    features = Features(values=values, rows=np.arange(n), layer="head.<3>")
    given = {"features": features, "pictures": plain(8, 12)} | changes
    return report_input(predictions, names(classes), **given)


def page(of: RunResult) -> Page:
    section = feature_map(of)
    assert section is not None
    assert section.name == "map"
    return Page(str(section.body))


def test_every_image_is_a_point_that_says_what_it_is() -> None:
    given = report(3)
    points = page(given).all("input", type="radio")
    predictions = given.predictions
    assert len(points) == 120
    for row, point in enumerate(points):
        kinds = point.attributes["class"].split()
        wrong = predictions.predicted[row] != predictions.labels[row]
        assert ("ringed" in kinds) == wrong
        assert f"c{predictions.labels[row]}" in kinds
        said = point.attributes["aria-label"]
        sure = 100 * predictions.probabilities[row].max()
        answer, true = (names(3)[k[row]] for k in (predictions.predicted, predictions.labels))
        assert said.startswith(f"{row:05d}.png: predicted {answer} ({sure:.1f} %), ")
        assert said.endswith(f"truly {true}" if wrong else "right")
    # One stop of the tab key, and arrows within: they are one group.
    assert {point.attributes["name"] for point in points} == {"map-PCA"}


def test_points_lie_where_the_projection_puts_them() -> None:
    given = report(3)
    places = []
    for point in page(given).all("input", type="radio"):
        found = re.match(r"left:([\d.]+)%;top:([\d.]+)%", point.attributes["style"])
        assert found is not None
        places.append([float(found[1]), float(found[2])])
    assert np.min(places) >= 0
    assert np.max(places) <= 100
    assert given.features is not None
    values = given.features.values
    centred = values - values.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    first = u[:, 0] * s[0]
    assert abs(np.corrcoef(first, np.array(places)[:, 0])[0, 1]) == pytest.approx(1, abs=1e-4)


def test_the_sheet_holds_each_picture_in_its_cell() -> None:
    sheet = make_sheet(plain(8, 12), np.arange(50) * 5)
    assert sheet.address.startswith("data:image/jpeg;base64,")
    data = base64.b64decode(sheet.address.partition(",")[2])
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("L")).astype(int)
    assert picture.shape == (sheet.rows * sheet.cell, sheet.columns * sheet.cell)
    assert (sheet.cell, sheet.width, sheet.height, sheet.reduced) == (BLOCK, 12, 8, False)
    for number in range(50):
        column, row = sheet.place(number)
        top, left = row * sheet.cell, column * sheet.cell
        inside = picture[top : top + 8, left : left + 12]
        assert abs(inside.mean() - 5 * number) < 4


def test_large_pictures_are_made_small() -> None:
    sheet = make_sheet(plain(200, 100, channels=1), np.arange(3))
    assert (sheet.height, sheet.width, sheet.reduced) == (LARGEST, LARGEST // 2, True)
    assert len(sheet.address) < 4000


def test_of_many_classes_those_with_most_mistakes_have_colours() -> None:
    given = report(30, n=300)
    shown = page(given)
    wrong = given.predictions.predicted != given.predictions.labels
    mistakes = np.bincount(given.predictions.labels[wrong], minlength=30)
    coloured = [
        point
        for point in shown.all("input", type="radio")
        if f"c{COLOURS}" not in point.attributes["class"].split()
    ]
    rows = [int(point.attributes["aria-label"].partition(".")[0]) for point in coloured]
    kinds = set(given.predictions.labels[rows].tolist())
    assert len(kinds) == COLOURS
    assert min(mistakes[sorted(kinds)]) >= max(np.delete(mistakes, sorted(kinds)))
    (legend,) = shown.all("p", class_="small soft legend")
    assert "all other classes: " in legend.words
    assert legend.words.endswith("ringed: answered wrongly")


def test_a_network_without_features_says_why() -> None:
    shown = page(report(3, features=None, no_features="it does not end in a linear layer"))
    assert shown.all("p")[0].words == "There is no map: it does not end in a linear layer."
    few = Features(values=np.ones((120, 6), dtype=np.float32), rows=np.arange(120), layer="x")
    assert "fewer than 10 test images differ" in page(report(3, features=few)).all("p")[0].words


def test_what_was_never_asked_for_is_not_missed() -> None:
    assert feature_map(report(3, features=None)) is None
