"""The result in one sentence, the baselines beside it, and the few numbers that belong there."""

from __future__ import annotations

from nunbit.evaluation.baselines import Baseline
from nunbit.formatting import count, percent_with_range
from nunbit.reports.kit import Section, render
from nunbit.reports.run.inputs import ReportInput

NAMES = {
    "largest-class": "Largest class",
    "nearest-neighbour": "Nearest neighbour",
    "linear-probe": "Linear probe",
}


def result(report: ReportInput) -> Section:
    """How many test images were right, against the baselines, and the leaks if there are any."""
    metrics = report.metrics
    body = render(
        "run/result",
        metrics=metrics,
        headline=headline(report).partition(": "),
        baselines=[(NAMES[baseline.kind], baseline) for baseline in report.baselines],
        warnings=[_warning(b) for b in report.baselines if not b.clearly_beaten],
        # Not on the same images: a part of them is another number.
        subsampled=any(metrics and b.n < metrics.n for b in report.baselines),
        test=report.summary.get("test") or {},
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
    images = count(metrics.n, "test image")
    share = percent_with_range(metrics.accuracy, metrics.accuracy_ci95)
    return f"Right on {count(metrics.correct)} of {images}: {share}"


def _warning(baseline: Baseline) -> tuple[str, str]:
    """The sentence that a baseline was not clearly beaten, and the numbers behind it."""
    what = {
        "largest-class": f"always answering {baseline.detail.removeprefix('always ')}",
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
