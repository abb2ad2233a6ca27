"""The page from its sections, in reading order."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

from nunbit.evaluation.report.inputs import ReportInput
from nunbit.evaluation.report.sections.calibration import calibration
from nunbit.evaluation.report.sections.classes import classes
from nunbit.evaluation.report.sections.confusion import confusion
from nunbit.evaluation.report.sections.contract import contract
from nunbit.evaluation.report.sections.curves import curves
from nunbit.evaluation.report.sections.data import data, parts
from nunbit.evaluation.report.sections.gallery import gallery
from nunbit.evaluation.report.sections.how import model, repeat
from nunbit.evaluation.report.sections.map import feature_map
from nunbit.evaluation.report.sections.result import headline, result
from nunbit.evaluation.report.sections.slices import slices
from nunbit.evaluation.report.sections.transfer import transfer
from nunbit.page import Section, document
from nunbit.progress import SILENT, Progress

SECTIONS: tuple[Callable[[ReportInput], Section | None], ...] = (
    result,
    transfer,
    curves,
    classes,
    confusion,
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
        style=_style(),
    )


def _style() -> str:
    """What the sections add to the style sheet of every page."""
    folder = files("nunbit.evaluation.report").joinpath("templates")
    sheets = sorted(item.name for item in folder.iterdir() if item.name.endswith(".css"))
    return "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in sheets)
