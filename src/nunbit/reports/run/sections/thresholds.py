"""Section on thresholds: the ROC and the precision-recall curve of each class against the rest."""

from __future__ import annotations

from markupsafe import Markup

from nunbit.evaluation.operating_point import OperatingResult
from nunbit.evaluation.threshold_curves import ThresholdCurve, threshold_curve
from nunbit.reports.kit import Section, render
from nunbit.reports.run.run_result import RunResult
from nunbit.reports.run.sections.threshold_charts import (
    precision_chart,
    roc_chart,
    small_curve,
)

MAX_CLASSES = 20
"""More curves nobody looks through; the numbers of each class stay in its table."""


def thresholds(report: RunResult) -> Section | None:
    """Section on the thresholds; None without test images, or with too many classes."""
    if report.metrics is None or not 2 <= len(report.classes) <= MAX_CLASSES:
        return None
    body = _two_classes(report) if len(report.classes) == 2 else _each_class(report)
    if body is None:
        return None
    return Section(name="thresholds", title="What would other thresholds do?", body=body)


def _two_classes(report: RunResult) -> Markup | None:
    result = report.summary.operating_point
    positive = report.classes.index(_positive(report))
    curve = _curve(report, positive)
    if curve is None:
        return None
    name = report.classes[positive]
    return render(
        "run/thresholds",
        positive=name,
        operating="" if result is None else _dot(result),
        charts=[roc_chart(curve, name, result), precision_chart(curve, name, result)],
        curves=[],
    )


def _each_class(report: RunResult) -> Markup | None:
    assert report.metrics is not None
    curves = [
        small_curve(name, curve, report.metrics.per_class[name])
        for number, name in enumerate(report.classes)
        if (curve := _curve(report, number)) is not None
    ]
    if not curves:
        return None
    return render("run/thresholds", positive="", operating="", charts=[], curves=curves)


def _dot(result: OperatingResult) -> str:
    point = result.point
    return (
        f"The dot is the operating point, {point.positive} from a probability of "
        f"{point.threshold:.3f} on: `nunbit predict --threshold operating-point` answers by it."
    )


def _positive(report: RunResult) -> str:
    """The class of the operating point; without one, the rarer in the test, of equal the second."""
    if (result := report.summary.operating_point) is not None:
        return result.point.positive
    assert report.metrics is not None
    sizes = [report.metrics.per_class[name].n for name in report.classes]
    return report.classes[int(sizes[1] <= sizes[0])]


def _curve(report: RunResult, number: int) -> ThresholdCurve | None:
    predictions = report.predictions
    return threshold_curve(predictions.probabilities[:, number], predictions.labels == number)
