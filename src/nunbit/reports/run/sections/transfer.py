"""Section on transfer: expectation, test result, and the evidence."""

from __future__ import annotations

import base64

from nunbit.advisor.plans import SCRATCH, Proportion, describe, verdict
from nunbit.formatting import percent_with_range, rough_duration
from nunbit.reports.kit import Section, render
from nunbit.reports.run.run_result import RunResult

SAID = {
    "met": "as expected",
    "above": "better than expected",
    "below": "worse than expected",
}
WHY_BELOW = (
    "The expectation comes from the training and validation images: test images that differ from "
    "them, or copies within the training part that are not known to be copies, make it too high."
)


def transfer(report: RunResult) -> Section | None:
    """None where the adviser was not asked."""
    advice = report.advice
    if advice is None:
        return None
    # Only here, because matplotlib takes most of a second to begin.
    from nunbit.reports.advice import description, draw_advice

    expected, metrics = advice.expected.accuracy, report.metrics
    judged = None if metrics is None else verdict(expected, metrics.accuracy_ci95)
    plans = [
        {
            "name": f"{describe(plan.plan)} ({advice.scratch})"
            if plan.plan == SCRATCH
            else describe(plan.plan),
            "accuracy": _shown(plan.accuracy),
            "time": rough_duration(plan.seconds),
            "basis": plan.basis,
            "chosen": plan.plan == advice.recommended,
        }
        for plan in advice.plans
    ]
    body = render(
        "run/transfer",
        plan=describe(advice.recommended),
        expected=_shown(expected),
        reached=None
        if metrics is None
        else percent_with_range(metrics.accuracy, metrics.accuracy_ci95),
        said=None if judged is None else SAID[judged],
        explanation=WHY_BELOW if judged == "below" else "",
        advice=advice,
        by_thumb=describe(advice.table_plan) if advice.table_plan != advice.recommended else "",
        plans=plans,
        description=description(advice),
        picture="data:image/svg+xml;base64,"
        + base64.b64encode(draw_advice(advice, form="svg")).decode("ascii"),
    )
    return Section(name="transfer", title="What was trained, and why", body=body)


def _shown(proportion: Proportion) -> str:
    return percent_with_range(proportion.estimate, (proportion.low, proportion.high))
