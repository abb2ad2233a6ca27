"""Section on the method: model, settings, versions, times and the command."""

from __future__ import annotations

import platform
from collections.abc import Mapping

from nunbit.formatting import count, duration
from nunbit.reports.kit import Section, render
from nunbit.reports.run.run_result import RunResult
from nunbit.reports.run.sections.layers import layer_table

SEEDED = "split, first weights, order of the images, augmentation and dropout"


def model(report: RunResult) -> Section:
    """Section on the network: why this one, how fast, and layer by layer."""
    summary = report.summary
    rows = [("Model", summary.model)]
    if report.model_reason:
        rows.append(("Chosen because", report.model_reason))
    if summary.parameters is not None:
        rows.append(("Size", count(summary.parameters, "trainable parameter")))
    if report.epochs:
        trained = count(len(report.epochs), "epoch")
        kept = (
            f"; weights of epoch {report.best_epoch} kept" if report.best_epoch is not None else ""
        )
        rows.append(("Trained", trained + kept))
    if summary.images_per_second is not None:
        doing = "training" if report.epochs else "evaluation"
        speed = f"{summary.images_per_second:,.0f} images per second in {doing}"
        rows.append(("Speed", speed))
    return Section(name="model", title="Model", body=layer_table(report.layers, rows))


def repeat(report: RunResult) -> Section:
    """Command, settings, seed, device, times and versions."""
    summary = report.summary
    rows = []
    if summary.seed is not None:
        follows = f", from which all randomness follows: {SEEDED}" if report.epochs else ""
        rows.append(("Seed", f"{summary.seed}{follows}"))
    if summary.device:
        rows.append(("Device", summary.device))
    if report.finished:
        rows.append(("Finished", report.finished))
    body = render(
        "run/repeat",
        command=report.command,
        settings=report.settings,
        rows=rows,
        times=_times(summary.seconds),
        versions=_versions(report),
    )
    return Section(name="repeat", title="How to repeat it", body=body)


def _times(seconds: Mapping[str, float]) -> list[tuple[str, str]]:
    stages = [(stage, duration(value)) for stage, value in seconds.items() if stage != "total"]
    return stages + ([("total", duration(seconds["total"]))] if "total" in seconds else [])


def _versions(report: RunResult) -> list[tuple[str, str]]:
    known = dict(report.versions)
    if report.summary.nunbit:
        known = {"nunbit": report.summary.nunbit, **known}
    return list(known.items()) or [("python", platform.python_version())]
