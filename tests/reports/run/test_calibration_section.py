from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nunbit.evaluation.abstention import choose_thresholds
from nunbit.evaluation.calibration import fit_temperature
from nunbit.formatting import decimal
from nunbit.pipelines.training.deploy import calibration_summary
from nunbit.reports.run import RunResult
from nunbit.reports.run.sections.calibration import calibration
from nunbit.types import Predictions
from tests.evaluation.cases import names, random_predictions, report_input
from tests.reports.run.page import Page


def stretched(n: int, *, skill: float, scale: float, seed: int) -> Predictions:
    plain = random_predictions(n, 10, seed=seed, skill=skill)
    return replace(plain, logits=plain.logits * np.float32(scale))


def report(n: int, *, skill: float, scale: float, temperature: float | None = None) -> RunResult:
    """A run whose temperature and thresholds come from as many validation images."""
    validation = stretched(n, skill=skill, scale=scale, seed=1)
    test = stretched(n, skill=skill, scale=scale, seed=2)
    fitted = fit_temperature(validation) if temperature is None else temperature
    bundle: Any = SimpleNamespace(
        temperature=fitted, thresholds=choose_thresholds(validation.at_temperature(fitted))
    )
    found = report_input(test.at_temperature(fitted), names(10))
    facts = calibration_summary(bundle, test, validation)
    return replace(found, summary=replace(found.summary, calibration=facts))


def words(report: RunResult) -> tuple[Page, str]:
    section = calibration(report)
    assert section is not None
    page = Page(f"<html><body><section id='calibration'>{section.body}</section></body></html>")
    return page, page.section("calibration")


def test_before_and_after_are_the_numbers_of_the_predictions() -> None:
    given = report(1500, skill=3.0, scale=8.0)
    page, text = words(given)
    rows = [row.words for row in page.all("tr")]
    facts = given.summary.calibration
    assert facts is not None
    for name, block in (
        ("as the network gives it", facts.before),
        ("after temperature scaling", facts.after),
    ):
        low, high = map(decimal, block.ece_ci95)
        start = f"{name} {decimal(block.ece)} ({low} to {high}) {decimal(block.loss)} "
        assert any(row.startswith(start) for row in rows), start
    assert facts.after.loss < facts.before.loss
    assert facts.after.ece == given.metrics.ece
    assert "fitted on 1,500 validation images" in text


def test_a_row_for_each_wanted_accuracy() -> None:
    given = report(600, skill=3.0, scale=3.0)
    page, text = words(given)
    rows = [row.words for row in page.all("tr")]
    assert given.summary.calibration is not None
    answering = given.summary.calibration.answering
    confidence = given.predictions.probabilities.max(axis=1)
    right = given.predictions.predicted == given.predictions.labels
    assert {"0.95", "0.98"} <= set(answering)
    for target, at in answering.items():
        taken = confidence >= at.threshold
        wanted = f"{100 * float(target):g} % "
        (row,) = (row for row in rows if row.startswith(wanted) and " of 600, " in row)
        assert f"{taken.sum()} of 600, " in row
        assert f"{(taken & right).sum()} of {taken.sum()}, " in row
    assert "Leaving the less sure ones to a person, it can answer at 95" in text


def test_what_is_out_of_reach_is_said() -> None:
    page, text = words(report(60, skill=1.0, scale=1.0))
    assert sum("the validation images do not support one" in r.words for r in page.all("tr")) == 3
    assert "60 validation images are fewer than the 100 that it takes" in text
    assert "No threshold was found above which 95 % would be" in text
    assert len(page.all("svg")) == 2  # one reliability diagram: nothing was changed


@pytest.mark.parametrize(
    ("temperature", "verdict"),
    [
        (0.4, "It is too sure of itself."),
        (4.0, "It is right more often than its confidence says."),
        (None, "No error of its confidence is distinguishable from chance."),
    ],
)
def test_the_verdict_in_plain_words(temperature: float | None, verdict: str) -> None:
    _, text = words(report(1500, skill=2.0, scale=1.0, temperature=temperature))
    assert text.startswith(verdict)


def test_every_chart_says_what_it_shows_and_every_bin_stands_in_a_table() -> None:
    given = report(600, skill=3.0, scale=3.0)
    page, _ = words(given)
    labels = [chart.attributes["aria-label"] for chart in page.all("svg")]
    assert len(set(labels)) == 3
    assert "images at" in labels[0]
    assert "with every test image answered" in labels[2]
    rows = [row.words.split() for row in page.all("tr") if " to " in row.words]
    counts = [int(row[4].replace(",", "")) for row in rows if row[1] == "to" and row[3] == "%"]
    assert sum(counts) == 2 * 600


def test_a_summary_without_the_block_and_no_test_images() -> None:
    _, text = words(report_input(random_predictions(200, 10), names(10)))
    assert "without a temperature" in text
    assert "Wanted accuracy" not in text
    nothing = random_predictions(3, 2).subset(np.zeros(0, dtype=np.int64))
    assert calibration(report_input(nothing, names(2))) is None
