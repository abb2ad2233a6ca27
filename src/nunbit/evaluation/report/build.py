"""The page from its sections, in reading order."""

from __future__ import annotations

from collections.abc import Callable

from nunbit.evaluation.report.inputs import ReportInput
from nunbit.evaluation.report.pages import Section, render
from nunbit.evaluation.report.sections.classes import classes
from nunbit.evaluation.report.sections.confusion import confusion
from nunbit.evaluation.report.sections.curves import curves
from nunbit.evaluation.report.sections.data import data, parts
from nunbit.evaluation.report.sections.gallery import gallery
from nunbit.evaluation.report.sections.how import contract, model, repeat
from nunbit.evaluation.report.sections.result import headline, result
from nunbit.evaluation.report.sections.transfer import transfer
from nunbit.progress import SILENT, Progress

SECTIONS: tuple[Callable[[ReportInput], Section | None], ...] = (
    result,
    transfer,
    curves,
    classes,
    confusion,
    gallery,
    data,
    parts,
    contract,
    model,
    repeat,
)


def build_report(report: ReportInput, *, progress: Progress = SILENT) -> str:
    """The whole page as self-contained HTML, ready to be written as UTF-8.

    Nothing is fetched and no script runs. Raises what `evaluate` raises for predictions that
    cannot be evaluated.
    """
    steps = progress.track(SECTIONS, total=len(SECTIONS), title="report")
    sections = [section for make in steps if (section := make(report)) is not None]
    page = render(
        "page",
        dataset=report.summary.get("dataset", "images"),
        model=report.summary.get("model", "model"),
        finished=report.finished,
        version=report.summary.get("nunbit", ""),
        headline=headline(report),
        sections=sections,
    )
    # Names on disk need not be valid Unicode; what cannot be written is shown as "?".
    return page.encode("utf-8", errors="replace").decode("utf-8")
