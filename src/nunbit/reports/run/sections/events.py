"""Events of the training: numbered, for the charts and the text beside them."""

from __future__ import annotations

from nunbit.reports.run.run_result import RunResult


def marked_events(report: RunResult) -> list[tuple[str, int, str]]:
    """(mark in the charts, epoch, what happened), in order; kept weights change no curve."""
    events = [event for event in report.events if event.kind != "kept"]
    return [(str(i), event.epoch, event.text) for i, event in enumerate(events, start=1)]


def kept_checkpoints(report: RunResult) -> list[str]:
    """Names of the epochs that were kept beside the last and the best."""
    kept = (event.text for event in report.events if event.kind == "kept")
    return [text.removeprefix("kept as ") for text in kept]
