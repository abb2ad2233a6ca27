"""A number that is added to the table of metrics is in every place that shows numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nunbit.cli import main
from nunbit.data.preprocess import Preprocess
from nunbit.evaluation.baselines import largest_class
from nunbit.evaluation.confidence import summarise_calibration
from nunbit.evaluation.metrics import (
    AS_PERCENT,
    ClassMetric,
    Evidence,
    Measured,
    Metric,
    evaluate,
    registry,
)
from nunbit.evaluation.summary import Summary, scores_of
from nunbit.pipelines.training.card import model_card
from nunbit.reports.run import build_report
from tests.evaluation.cases import names, random_predictions, report_input
from tests.pipelines.finished_runs import write_images, write_run
from tests.reports.run.page import Page


def _brier(found: Evidence) -> Measured:
    """Mean squared distance of the probabilities from the truth (Brier 1950)."""
    probabilities = found.predictions.probabilities
    truth = np.eye(probabilities.shape[1])[found.predictions.labels]
    return Measured(float(((probabilities - truth) ** 2).sum(axis=1).mean()), (0.125, 0.875))


BRIER = Metric(
    name="brier",
    title="Brier score",
    measure=_brier,
    meaning="0 is best",
    shown=frozenset({"headline", "parts", "card", "compare"}),
)
MISSED = ClassMetric(
    name="missed",
    title="Missed",
    measure=lambda c: Measured(1 - c.recall),
    form=AS_PERCENT,
    meaning="Missed: which fraction of the class was not found.",
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "METRICS", (*registry.METRICS, BRIER))
    monkeypatch.setattr(registry, "CLASS_METRICS", (*registry.CLASS_METRICS, MISSED))


def test_it_is_in_the_summary_and_read_again() -> None:
    predictions = random_predictions(60, 3)
    summary = Summary(test=scores_of(predictions, names(3)))
    content = json.loads(json.dumps(summary.to_dict()))
    brier = _brier(Evidence(predictions)).value
    assert content["test"]["brier"] == brier
    assert content["test"]["brier_ci95"] == [0.125, 0.875]
    block = content["test"]["per_class"]["kind 0"]
    assert block["missed"] == 1 - block["recall"]
    assert Summary.from_dict(content) == summary


def test_it_is_in_the_report() -> None:
    predictions = random_predictions(60, 3)
    page = Page(build_report(report_input(predictions, names(3))))
    text = f"{_brier(Evidence(predictions)).value:.4f}"
    result = page.section("result")
    assert f"Brier score {text} 95 %: 0.1250 to 0.8750; 0 is best" in result
    assert f"{text} (0.1250 to 0.8750)" in result  # in the table of parts
    classes = page.section("classes")
    assert "Missed: which fraction of the class was not found." in classes
    counts = evaluate(predictions, names(3)).per_class["kind 0"]
    rows = [row.words for row in page.all("tr") if row.words.startswith(f"kind 0 {counts.n} ")]
    missed = f" {100 * (1 - counts.recall):.1f} %"
    assert any(f"{row} ".count(missed) for row in rows[1:])  # beside the usual three, a table below


def test_it_is_on_the_model_card() -> None:
    predictions = random_predictions(60, 3)
    given = report_input(predictions, names(3)).summary
    calibration = summarise_calibration(predictions, temperature=1.0, thresholds={})
    summary = replace(
        given,
        baselines=(largest_class(predictions, names(3), training_labels=None),),
        calibration=replace(calibration, n_validation=60),
    )
    preprocess = Preprocess(height=8, width=8, channels=1, mean=(0.5,), std=(0.5,))
    card = model_card(summary, preprocess=preprocess, mirrored=False)
    value = _brier(Evidence(predictions)).value
    assert f"Brier score: {value:.4f} (0.1250 to 0.8750), 0 is best." in card
    assert " | F1 | ROC AUC | Average precision | Missed | Test images |" in card


def test_it_is_in_the_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_images(tmp_path / "data")
    runs = [write_run(tmp_path / name, data, wrong=n) for name, n in (("a", [0]), ("b", [1, 2]))]
    words = ["compare", *map(str, runs)]
    assert main([*words, "--json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert all(0 < run["brier"] < 2 for run in found["runs"])
    assert found["runs"][0]["brier_ci95"] == [0.125, 0.875]
    assert main([*words, "--out", str(tmp_path / "page.html"), "--quiet"]) == 0
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "Brier score" in page.section("runs")
    assert f"{found['runs'][1]['brier']:.4f} (0.1250 to 0.8750)" in page.section("runs")
