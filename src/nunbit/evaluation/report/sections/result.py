"""The result in one sentence, and the few numbers that belong beside it."""

from __future__ import annotations

from nunbit.evaluation.report.inputs import ReportInput
from nunbit.evaluation.report.pages import render
from nunbit.page import Section
from nunbit.page.words import count, counted, percent_with_range


def result(report: ReportInput) -> Section:
    """How many test images were right, against the baseline, and the leaks if there are any."""
    metrics = report.metrics
    body = render(
        "result",
        metrics=metrics,
        headline=headline(report).partition(": "),
        leaked=len(report.split.leaked_test_indices),
        unleaked=report.metrics_without_leaks,
        rows=_rows_of_parts(report),
    )
    return Section(name="result", title="Result", body=body)


def headline(report: ReportInput) -> str:
    """'Right on 1,842 of 2,000 test images: 92.1 % (90.8 to 93.2)'."""
    metrics = report.metrics
    if metrics is None:
        return "No test images, so nothing was measured"
    images = counted(metrics.n, "test image")
    share = percent_with_range(metrics.accuracy, metrics.accuracy_ci95)
    return f"Right on {count(metrics.correct)} of {images}: {share}"


def _rows_of_parts(report: ReportInput) -> list[dict[str, object]]:
    """Images, accuracy and loss of each part that the summary or the last epoch tells about."""
    n = report.summary.get("n", {})
    last = report.epochs[-1] if report.epochs else {}
    rows: list[dict[str, object]] = []
    if last:
        rows.append(
            {
                "part": "training, last epoch",
                "n": n.get("train", 0),
                "accuracy": last.get("train_accuracy"),
                "loss": last.get("train_loss"),
            }
        )
    validation = report.summary.get("validation")
    if validation:
        rows.append({"part": "validation", "n": n.get("validation", 0), **_numbers(validation)})
    if report.metrics:
        rows.append({"part": "test", "n": report.metrics.n, **_numbers(report.metrics.to_dict())})
    return rows


def _numbers(block: dict[str, object]) -> dict[str, object]:
    return {key: block.get(key) for key in ("accuracy", "accuracy_ci95", "loss")}
