"""The result in one sentence, the baselines beside it, and the few numbers that belong there."""

from __future__ import annotations

from dataclasses import dataclass

from nunbit.evaluation.baselines import Baseline
from nunbit.evaluation.metrics import Metrics, Scores, metrics_in
from nunbit.evaluation.operating_point import described
from nunbit.evaluation.tested_classes import barely_tested_classes, untested_classes
from nunbit.formatting import DASH, count, percent_with_range
from nunbit.reports.kit import Section, render
from nunbit.reports.run.run_result import RunResult

NAMES = {
    "largest-class": "Largest class",
    "nearest-neighbour": "Nearest neighbour",
    "linear-probe": "Linear probe",
}


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One number below the headline, in words."""

    title: str
    value: str
    interval: str
    """'' where none is known."""
    meaning: str


@dataclass(frozen=True, kw_only=True)
class PartRow:
    """The numbers of one part, in words."""

    part: str
    n: int
    numbers: list[str]


def result(report: RunResult) -> Section:
    """Section on the result: right test images, baselines, and leaks if there are any."""
    metrics = report.metrics
    body = render(
        "run/result",
        metrics=metrics,
        headline=headline(report).partition(": "),
        baselines=[(NAMES[baseline.kind], baseline) for baseline in report.baselines],
        operating=_operating(report),
        little_tested=_little_tested(report),
        warnings=[_warning(b) for b in report.baselines if not b.clearly_beaten],
        # Not on the same images: a part of them is another number.
        subsampled=any(metrics and b.n < metrics.n for b in report.baselines),
        tiles=[] if metrics is None else _tiles(metrics),
        leaked=len(report.split.leaked_test_indices),
        near_copies=report.split.near_copies,
        remembered=_remembered(report),
        unleaked=report.metrics_without_leaks,
        corrected=report.summary.corrected_test,
        score=_score,
        columns=[metric.title for metric in metrics_in("parts")],
        rows=_rows_of_parts(report),
    )
    return Section(name="result", title="Result", body=body)


def headline(report: RunResult) -> str:
    """'Right on 1,842 of 2,000 test images: 92.1 % (90.8 to 93.2)'."""
    metrics = report.metrics
    if metrics is None:
        return "No test images, so nothing was measured"
    if _remembered(report):
        if (metrics := report.metrics_without_leaks) is None:
            return "No image is new to the model, so nothing was measured"
        images = f"{count(metrics.n)} images that the model has not seen"
        share = percent_with_range(metrics.accuracy, metrics.accuracy_ci95)
        return f"Right on {count(metrics.correct)} of {images}: {share}"
    images = count(metrics.n, "test image")
    share = percent_with_range(metrics.accuracy, metrics.accuracy_ci95)
    return f"Right on {count(metrics.correct)} of {images}: {share}"


def _operating(report: RunResult) -> str:
    found = report.summary.operating_point
    return "" if found is None else described(found)


def _little_tested(report: RunResult) -> list[str]:
    """Sentences on the classes that the headline says nothing or little about."""
    metrics = report.metrics_without_leaks if _remembered(report) else report.metrics
    sizes = {} if metrics is None else {name: c.n for name, c in metrics.per_class.items()}
    return [text for text in (untested_classes(sizes), barely_tested_classes(sizes)) if text]


def _remembered(report: RunResult) -> bool:
    """Tell whether other data were evaluated that hold images on which the model was trained."""
    evaluated = report.summary.evaluated
    other = evaluated is not None and evaluated.data is not None
    return other and len(report.split.leaked_test_indices) > 0


def _score(scores: Scores) -> str:
    """'92.1 % (90.8 to 93.2)'."""
    return next(
        found.text(metric.form)
        for metric in metrics_in("parts")
        if metric.name == "accuracy" and (found := scores.get(metric.name)) is not None
    )


def _warning(baseline: Baseline) -> tuple[str, str]:
    """The sentence that a baseline was not clearly beaten, and the numbers behind it."""
    what = {
        "largest-class": f"always answering {baseline.answer}",
        "nearest-neighbour": f"taking the class of {baseline.detail}",
        "linear-probe": baseline.detail,
    }[baseline.kind]
    lead = baseline.network_correct - baseline.correct
    numbers = (
        f"On the same {count(baseline.n, 'test image')} the network is right on "
        f"{count(baseline.network_correct)}, the baseline on {count(baseline.correct)}."
    )
    if lead > 0:
        numbers += (
            f" Chance alone gives such a lead in {100 * baseline.p_value:.2g} % of cases "
            "(McNemar's test)."
        )
    return f"Not clearly better than {what}.", numbers


def _tiles(metrics: Metrics) -> list[Tile]:
    """The numbers below the headline."""
    return [
        Tile(
            title=metric.title,
            value=metric.form.value(found.value),
            interval="" if found.ci95 is None else " to ".join(map(metric.form.value, found.ci95)),
            meaning="; ".join(filter(None, (metric.meaning, found.note))),
        )
        for metric in metrics_in("headline")
        if (found := metrics.values.get(metric.name)) is not None
    ]


def _rows_of_parts(report: RunResult) -> list[PartRow]:
    """Images and numbers of each part that the summary or the last epoch knows."""
    summary, rows = report.summary, []
    if report.epochs:
        rows.append(
            PartRow(
                part="training, last epoch",
                n=summary.n.get("train", 0),
                numbers=[
                    metric.form.value(report.epochs[-1].get(f"train_{metric.name}"))
                    for metric in metrics_in("parts")
                ],
            )
        )
    if summary.validation is not None:
        n = summary.n.get("validation", 0)
        rows.append(PartRow(part="validation", n=n, numbers=_numbers(summary.validation)))
    if report.metrics is not None:
        numbers = _numbers(report.metrics.scores)
        rows.append(PartRow(part="test", n=report.metrics.n, numbers=numbers))
    return rows


def _numbers(scores: Scores) -> list[str]:
    """Each with its interval where it has one."""
    numbers = []
    for metric in metrics_in("parts"):
        found = scores.get(metric.name)
        numbers.append(DASH if found is None else found.text(metric.form))
    return numbers
