"""Section on confidence: reliability, temperature, and the fraction that can be answered."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup

from nunbit.evaluation.abstention import CERTAINTY, TARGETS, Answered
from nunbit.evaluation.calibration import CALIBRATION_BINS, Reliability, reliability_of
from nunbit.evaluation.confidence import CalibrationSummary
from nunbit.evaluation.intervals import wilson_interval
from nunbit.evaluation.metrics import Metrics
from nunbit.formatting import confidence, count, percent, percent_with_range, percentage
from nunbit.reports.kit import Section, render
from nunbit.reports.run.run_result import RunResult
from nunbit.reports.run.sections.calibration_charts import coverage_chart, reliability_chart
from nunbit.types import Predictions

WITHOUT, WITH = "as the network gives it", "after temperature scaling"


def calibration(report: RunResult) -> Section | None:
    """Section on calibration: does 90 % mean right in 90 of 100? None without test images."""
    metrics = report.metrics
    if metrics is None:
        return None
    found = report.summary.calibration
    stages = _stages(report.predictions)
    reliabilities = {name: reliability_of(said) for name, said in stages.items()}
    answered = {} if found is None else found.answering
    verdict, explanation = _verdict(metrics, report.predictions)
    body = render(
        "run/calibration",
        verdict=verdict,
        explanation=explanation,
        temperature=_temperature(found, report.predictions),
        charts=_charts(reliabilities, report.predictions, answered),
        n=metrics.n,
        bins=CALIBRATION_BINS,
        errors=[_errors(name, stages[name], r) for name, r in reliabilities.items()],
        accuracy=percent_with_range(metrics.accuracy, metrics.accuracy_ci95),
        answering=_answering(answered, metrics),
        targets=[] if found is None else _targets(answered),
        reached=bool(answered),
        rule=_rule(found),
        bin_tables=[{"name": name, "bins": _bins(r)} for name, r in reliabilities.items()],
    )
    return Section(name="calibration", title="Can its confidence be trusted?", body=body)


def _stages(predictions: Predictions) -> dict[str, Predictions]:
    """The predictions before and after the temperature; once where there is none."""
    if predictions.temperature == 1:
        return {WITHOUT: predictions}
    return {WITHOUT: predictions.at_temperature(1.0), WITH: predictions}


def _verdict(metrics: Metrics, predictions: Predictions) -> tuple[str, str]:
    """The finding as a sentence in plain words, and what it rests on."""
    sure = float(predictions.probabilities.max(axis=1).mean())
    low, high = metrics.ece_ci95
    seen = (
        f"On average it was {confidence(sure)} sure on the {count(metrics.n, 'test image')}, and "
        f"right on {percent_with_range(metrics.accuracy, metrics.accuracy_ci95)}."
    )
    if low == 0:
        what = "No error of its confidence is distinguishable from chance."
        return what, f"{seen} An error of up to {percent(high)} cannot be ruled out."
    below, above = metrics.accuracy_ci95
    if sure > above:
        what = "It is too sure of itself."
    elif sure < below:
        what = "It is right more often than its confidence says."
    else:
        what = "Its confidence is right on average, but not at every height."
    gap = f"Over the bins, confidence and accuracy differ by {100 * low:.1f} to {100 * high:.1f}"
    return what, f"{seen} {gap} points (95 % interval)."


def _temperature(found: CalibrationSummary | None, predictions: Predictions) -> str:
    if found is not None and found.why_no_temperature:
        why = found.why_no_temperature
        return f"The confidence is as the network gives it: for a temperature, {why}."
    if predictions.temperature == 1:
        return "The confidence is as the network gives it, without a temperature."
    n = None if found is None else found.n_validation
    fitted = f"fitted on {count(n)} validation images" if n else "fitted on validation images"
    effect = "lowers" if predictions.temperature > 1 else "raises"
    return (
        f"The network's outputs are divided by a temperature of {predictions.temperature:.3f}, "
        f"{fitted} (Guo et al. 2017), which {effect} its confidence and changes no answer. The "
        "numbers of the validation and test parts elsewhere on this page, but not the learning "
        "curves, and what `nunbit predict` says are with it."
    )


def _charts(
    reliabilities: Mapping[str, Reliability],
    predictions: Predictions,
    answered: Mapping[str, Answered],
) -> list[Markup]:
    charts = [
        reliability_chart(r, name=f"reliability-{number}", title=f"Confidence {name}")
        for number, (name, r) in enumerate(reliabilities.items())
    ]
    return [*charts, coverage_chart(predictions, answered)]


def _errors(name: str, predictions: Predictions, reliability: Reliability) -> dict[str, object]:
    return {
        "name": name,
        "error": reliability.error,
        "error_ci95": reliability.error_ci95,
        "loss": float(predictions.losses.mean()),
        "confidence": float(predictions.probabilities.max(axis=1).mean()),
    }


def _bins(reliability: Reliability) -> list[dict[str, object]]:
    edges = np.linspace(0, 1, len(reliability.counts) + 1)
    return [
        {
            "name": f"{100 * edges[b]:.0f} to {100 * edges[b + 1]:.0f} %",
            "n": int(n),
            "confidence": float(reliability.confidence[b]),
            "accuracy": float(reliability.accuracy[b]),
            "accuracy_ci95": wilson_interval(round(n * reliability.accuracy[b]), int(n)),
        }
        for b, n in enumerate(reliability.counts)
        if n
    ]


def _answering(answered: Mapping[str, Answered], metrics: Metrics) -> str:
    """Describe what fraction can be answered if wrong answers must be rare."""
    everything = f"Answering every image, it is right on {percent(metrics.accuracy)} of them."
    useful = {target: at for target, at in answered.items() if at.answered}
    if not useful:
        least = f"{100 * min(TARGETS):g}\u00a0%"
        return f"{everything} No threshold was found above which {least} would be for certain."
    parts = [
        f"at {percentage(float(target), 0)}".replace(" %", "\u00a0%")
        + f" accuracy {percent(at.coverage)} of the images"
        for target, at in useful.items()
    ]
    listed = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    return f"{everything} Leaving the less sure ones to a person, it can answer {listed}."


def _targets(answered: Mapping[str, Answered]) -> list[dict[str, object]]:
    return [
        {
            "name": f"{100 * target:g} %",
            "threshold": _threshold(answered.get(f"{target:g}")),
            "at": _row(answered.get(f"{target:g}"), target),
        }
        for target in TARGETS
    ]


def _row(at: Answered | None, target: float) -> dict[str, object] | None:
    if at is None:
        return None
    broken = at.accuracy_ci95 is not None and at.accuracy_ci95[1] < target
    return {**at.to_dict(), "broken": broken}


def _threshold(at: Answered | None) -> str:
    if at is None:
        return ""
    return f"{100 * at.threshold:.2f} %" if at.threshold else "any: every image may be answered"


def _rule(found: CalibrationSummary | None) -> str:
    n = None if found is None else found.n_validation
    where = f"the {count(n)} validation images" if n else "the validation images"
    certainty = f"{100 * CERTAINTY:g}\u00a0%"
    return (
        f"The thresholds were chosen on {where} and only checked here: each is the lowest one "
        f"whose accuracy is above the wanted one with {certainty} certainty (limit of Clopper and "
        "Pearson), so that about nine of ten keep their promise on new images. Even without a "
        "wrong answer this takes 45 validation images for 95\u00a0%, 114 for 98\u00a0% and 230 "
        "for 99\u00a0%. `nunbit predict --accuracy 0.95` marks what is below as unsure."
    )
