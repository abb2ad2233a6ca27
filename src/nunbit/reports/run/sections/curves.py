"""Learning curves: loss, accuracy and learning rate over the epochs, and what happened there."""

from __future__ import annotations

from nunbit.reports.kit import Section, render
from nunbit.reports.run.run_result import RunResult
from nunbit.reports.run.sections.events import kept_checkpoints, marked_events


def curves(report: RunResult) -> Section | None:
    """Three charts, the events and the numbers behind them; one epoch has numbers only."""
    if not report.epochs:
        return None
    several = len(report.epochs) > 1
    charts = []
    if several:
        # Only here, because matplotlib takes most of a second to begin.
        from nunbit.reports.run.sections.curve_charts import draw_curves

        charts = draw_curves(report)
    body = render(
        "run/curves",
        charts=charts,
        epochs=report.epochs,
        best_epoch=report.best_epoch if several else None,
        kept_because=report.kept_because,
        has_validation=any(row.get("validation_loss") is not None for row in report.epochs),
        events=marked_events(report),
        kept=kept_checkpoints(report),
    )
    return Section(name="learning", title="Learning curves", body=body)
