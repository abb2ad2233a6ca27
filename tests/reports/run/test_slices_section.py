from __future__ import annotations

import re

import numpy as np

from nunbit.evaluation.slices import Attribute
from nunbit.formatting import percent_with_range
from nunbit.reports.run.run_result import RunResult
from nunbit.reports.run.sections.slices import slices
from nunbit.types import Predictions
from tests.evaluation.cases import report_input
from tests.reports.run.page import Page


def report(n: int = 400) -> RunResult:
    """A fifth of the images is dark, and right half the time."""
    dark = np.arange(n) % 5 == 0
    labels = np.zeros(n, dtype=np.int64)
    answers = np.where(dark & (np.arange(n) % 2 == 0), 1, 0)
    predictions = Predictions(
        logits=np.eye(2, dtype=np.float32)[answers], labels=labels, indices=np.arange(n)
    )
    brightness = np.where(dark, 12.0, 99.0)
    attributes = [
        Attribute(name="brightness", title="Brightness", values=brightness, meaning="<Mean>."),
        Attribute(name="id", title="Column “<id>”", values=[f"{i}x" for i in range(n)]),
    ]
    return report_input(predictions, ("cat", "dog"), attributes=attributes)


def page(of: RunResult) -> Page:
    section = slices(of)
    assert section is not None
    assert section.name == "slices"
    return Page(str(section.body))


def test_a_worse_slice_is_warned_of_and_marked() -> None:
    shown = page(report())
    (warning,) = shown.all("p", class_="warning")
    assert warning.words.replace(" ,", ",") == (
        "Worse than the rest: Brightness – 12. Right on 40 of 80, 50.0 % (39.3 to 60.7), "
        "against 100 % on all other images. With its mixture of classes, 100 % was to be expected."
    )
    assert "Column “<id>”: no two values have 20 images each" in shown.all("li")[0].words
    assert "2 slices with at least 20 images" in " ".join(p.words for p in shown.all("p"))


def test_the_table_holds_every_slice_with_its_numbers() -> None:
    given = report()
    shown = page(given)
    found = given.slices
    assert found is not None
    rows = [e for e in shown.all("tr") if re.match(r"(12|99) ", e.words)]
    for row, part in zip(rows, found.breakdowns[0].slices, strict=True):
        interval = percent_with_range(part.accuracy, part.accuracy_ci95)
        assert row.words.startswith(f"{part.name} {part.n} {interval}")
        assert ("▼ worse" in row.words) == part.worse
    # Places of the bars: an axis that begins below the lowest bound.
    lefts = [
        float(re.search(r"left:([\d.]+)%", e.attributes["style"])[1])  # type: ignore[index]
        for e in shown.elements
        if e.attributes.get("class") == "dot"
    ]
    start = 0.3
    expected = [100 * (accuracy - start) / (1 - start) for accuracy in (0.5, 1.0)]
    np.testing.assert_allclose(lefts, expected, atol=0.01)


def test_few_images_are_not_divided() -> None:
    shown = page(report(30))
    assert "so none was tested" in " ".join(p.words for p in shown.all("p"))
    assert not shown.all("table")


def test_nothing_known_gives_no_section() -> None:
    given = report()
    assert slices(report_input(given.predictions, given.classes)) is None
