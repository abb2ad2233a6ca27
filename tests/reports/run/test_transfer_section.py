"""The report's section on what the adviser had expected."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest

from nunbit.advisor.plans import Advice, PlanEstimate, Proportion
from nunbit.reports.run import RunResult, build_report
from nunbit.reports.run.sections.transfer import transfer
from tests.advisor.advice import ADVICE
from tests.evaluation.cases import names, random_predictions, report_input


def advice_around(accuracy: float) -> Advice:
    proportion = Proportion(estimate=accuracy, low=accuracy - 0.02, high=accuracy + 0.02)
    plans: tuple[PlanEstimate, ...] = tuple(
        replace(plan, accuracy=proportion) if plan.plan == ADVICE.recommended else plan
        for plan in ADVICE.plans
    )
    return replace(ADVICE, plans=plans)


def report_on(advice: Advice | None, *, n: int = 200) -> RunResult:
    return report_input(random_predictions(n, 2, skill=2.0), names(2), advice=advice)


def words(report: RunResult) -> str:
    section = transfer(report)
    assert section is not None
    return " ".join(re.sub(r"<[^>]+>", " ", str(section.body)).split())


def test_runs_without_advice_have_no_such_section() -> None:
    assert transfer(report_on(None)) is None
    assert 'id="transfer"' not in build_report(report_on(None))


@pytest.mark.parametrize(
    ("offset", "said"),
    [(0.0, "as expected"), (-0.2, "better than expected"), (0.2, "worse than expected")],
)
def test_the_test_part_is_held_against_the_expectation(offset: float, said: str) -> None:
    measured = report_on(None).metrics
    assert measured is not None
    text = words(report_on(advice_around(min(0.99, measured.accuracy + offset))))
    assert f": {said} ." in text
    assert ("copies within the training part" in text) == (said == "worse than expected")


def test_without_a_test_part_nothing_is_claimed() -> None:
    text = words(report_on(ADVICE, n=0))
    assert "There is no test part to hold it against." in text
    assert "expected ." not in text


def test_the_evidence_is_told_and_shown() -> None:
    report = report_on(ADVICE)
    text = words(report)
    assert "Trained: last stage and head of a network with the weights efficientnet-lite0." in text
    assert "Why this plan Training last stage and head is expected to reach" in text
    assert "Much data? No: 250 images of the median class." in text
    assert "Rule of thumb For such answers it would be: head." in text
    assert "last stage and head (chosen) 92.0 % (90.0 to 94.0) 30 s" in text
    assert "from scratch (smallcnn)" in text
    assert "Trials see images of 96 pixels" in text
    section = transfer(report)
    assert section is not None
    (picture,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', str(section.body))
    assert b"birds &amp; &lt;bees&gt;" in base64.b64decode(picture)
    assert 'alt="A simple head on the last stage' in str(section.body)


def test_the_page_has_the_section_after_the_result() -> None:
    page = build_report(report_on(ADVICE))
    assert page.index('id="result"') < page.index('id="transfer"') < page.index('id="learning"')
    assert "<script" not in page
