"""The page from its sections, in reading order."""

from __future__ import annotations

from collections.abc import Callable

from nunbit.progress import SILENT, Progress
from nunbit.reports.comparison.inputs import PageInput
from nunbit.reports.comparison.sections.images import images
from nunbit.reports.comparison.sections.method import method, settings
from nunbit.reports.comparison.sections.pairs import pairs
from nunbit.reports.comparison.sections.result import result
from nunbit.reports.comparison.sections.runs import runs
from nunbit.reports.comparison.sections.seeds import seeds
from nunbit.reports.kit import Section, document, make_sections, style_of

SECTIONS: tuple[Callable[[PageInput], Section | None], ...] = (
    result,
    runs,
    seeds,
    pairs,
    images,
    settings,
    method,
)


def build_comparison(given: PageInput, *, progress: Progress = SILENT) -> str:
    """The whole page as self-contained HTML, ready to be written as UTF-8.

    Nothing is fetched and no script runs.
    """
    comparison = given.comparison
    return document(
        title=f"{comparison.dataset} · comparison · nunbit",
        heading=comparison.dataset,
        aside=f"{len(comparison.runs)} runs compared",
        description=comparison.verdicts[0],
        finished=given.finished,
        version=given.versions.get("nunbit", ""),
        sections=make_sections(SECTIONS, given, progress=progress),
        style=style_of("comparison"),
    )
