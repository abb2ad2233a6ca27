"""The page from its sections, in reading order."""

from __future__ import annotations

from collections.abc import Callable

from nunbit.evaluation.report.inputs import ReportInput
from nunbit.evaluation.report.sections.classes import classes
from nunbit.evaluation.report.sections.confusion import confusion
from nunbit.evaluation.report.sections.curves import curves
from nunbit.evaluation.report.sections.data import data, parts
from nunbit.evaluation.report.sections.gallery import gallery
from nunbit.evaluation.report.sections.how import contract, model, repeat
from nunbit.evaluation.report.sections.result import headline, result
from nunbit.evaluation.report.sections.transfer import transfer
from nunbit.page import Section, document
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
    summary = report.summary
    dataset, model = summary.get("dataset", "images"), summary.get("model", "model")
    return document(
        title=f"{dataset} · {model} · nunbit",
        heading=dataset,
        aside=f"with {model}",
        description=headline(report),
        finished=report.finished,
        version=summary.get("nunbit", ""),
        sections=sections,
    )
