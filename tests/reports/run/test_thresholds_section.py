"""The section on thresholds: two classes with the operating point, several in small drawings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nunbit.evaluation.operating_point import OperatingPoint, operating_result
from nunbit.formatting import percent_with_range
from nunbit.reports.run import RunResult
from nunbit.reports.run.sections.result import result as section_on_the_result
from nunbit.reports.run.sections.thresholds import MAX_CLASSES, thresholds
from tests.evaluation.cases import names, random_predictions, report_input

CLASSES = ("sick", "well")


def two_classes(*, point: bool = True) -> RunResult:
    labels = (np.arange(200) >= 40).astype(int)
    test = random_predictions(200, 2, seed=1, skill=1.5, labels=labels)
    found = report_input(test, CLASSES)
    if not point:
        return found
    chosen = OperatingPoint(positive="sick", threshold=0.3, rule="youden", n_validation=60)
    result = operating_result(chosen, test, CLASSES)
    return replace(found, summary=replace(found.summary, operating_point=result))


def body(report: RunResult) -> str:
    section = thresholds(report)
    assert section is not None
    return str(section.body)


def test_two_classes_have_both_curves_and_the_operating_point() -> None:
    report = two_classes()
    page, result = body(report), report.summary.operating_point
    assert page.count('<svg class="chart"') == 2
    assert result is not None
    assert result.sensitivity is not None
    said = percent_with_range(result.sensitivity, result.sensitivity_ci95)
    assert f"sensitivity {said}, {result.found} of 40" in str(section_on_the_result(report).body)
    assert "The dot is the operating point, sick from a probability of 0.300 on" in page
    assert page.count("At the operating point 0.300") == 4  # a label and a title of each chart
    assert "var(--right)" in page


def test_two_classes_without_an_operating_point_have_the_curves_of_the_rarer_one() -> None:
    page = body(two_classes(point=False))
    assert "The answer is the more probable class, sick from one half on" in page
    assert "var(--right)" not in page


def test_several_classes_are_drawn_each_against_the_rest() -> None:
    report = report_input(random_predictions(120, 4, seed=2, skill=2.0), names(4))
    page = body(report)
    assert page.count('class="curve"') == 4
    assert report.metrics is not None
    ranked = report.metrics.per_class["kind 1"].ranked_roc_auc
    assert ranked is not None
    assert f"AUC {ranked.value:.3f}" in page


def test_classes_without_images_have_no_curve() -> None:
    labels = np.arange(60) % 2
    report = report_input(random_predictions(60, 3, seed=2, labels=labels), names(3))
    assert body(report).count('class="curve"') == 2
    one = report_input(random_predictions(9, 2, seed=2, labels=np.zeros(9, int)), CLASSES)
    assert thresholds(one) is None


def test_there_is_no_section_without_images_or_with_many_classes() -> None:
    many = MAX_CLASSES + 1
    assert thresholds(report_input(random_predictions(80, many, seed=1), names(many))) is None
    assert thresholds(report_input(random_predictions(0, 2), CLASSES)) is None
