"""The page from its sections, in reading order."""

from __future__ import annotations

from collections.abc import Callable

from nunbit.progress import SILENT, Progress
from nunbit.reports.kit import Section, document, make_sections, style_of
from nunbit.reports.run.run_result import RunResult
from nunbit.reports.run.sections.calibration import calibration
from nunbit.reports.run.sections.classes import classes
from nunbit.reports.run.sections.confusion import confusion
from nunbit.reports.run.sections.contract import contract
from nunbit.reports.run.sections.curves import curves
from nunbit.reports.run.sections.data import data, parts
from nunbit.reports.run.sections.gallery import gallery
from nunbit.reports.run.sections.how import model, repeat
from nunbit.reports.run.sections.map import feature_map
from nunbit.reports.run.sections.result import headline, result
from nunbit.reports.run.sections.slices import slices
from nunbit.reports.run.sections.thresholds import thresholds
from nunbit.reports.run.sections.transfer import transfer

SECTIONS: tuple[Callable[[RunResult], Section | None], ...] = (
    result,
    transfer,
    curves,
    classes,
    confusion,
    thresholds,
    calibration,
    slices,
    gallery,
    feature_map,
    data,
    parts,
    contract,
    model,
    repeat,
)


def build_report(report: RunResult, *, progress: Progress = SILENT) -> str:
    """The whole page as self-contained HTML, ready to be written as UTF-8.

    Nothing is fetched and no script runs. Raises what `evaluate` raises for predictions that
    cannot be evaluated.
    """
    summary = report.summary
    return document(
        title=f"{summary.dataset} · {summary.model} · nunbit",
        heading=summary.dataset,
        aside=f"with {summary.model}",
        description=headline(report),
        finished=report.finished,
        version=summary.nunbit,
        sections=make_sections(SECTIONS, report, progress=progress),
        style=style_of("run"),
    )
