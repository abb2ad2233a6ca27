"""The page from its sections, in reading order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from nunbit.checks.diagnosis import Diagnosis
from nunbit.progress import SILENT, Progress
from nunbit.reports.check.sections.classes import contact_sheets, counts
from nunbit.reports.check.sections.files import files
from nunbit.reports.check.sections.findings import findings
from nunbit.reports.check.sections.method import contract, method
from nunbit.reports.check.sections.overview import headline, overview
from nunbit.reports.check.sections.pixel_values import pixel_values
from nunbit.reports.kit import Section, document, make_sections, style_of


def build_page(
    diagnosis: Diagnosis,
    *,
    command: str,
    finished: str,
    versions: Mapping[str, str],
    progress: Progress = SILENT,
) -> str:
    """The whole page as self-contained HTML, ready to be written as UTF-8.

    Nothing is fetched and no script runs. Pictures are limited in number and size, so the page
    of 100,000 images stays below 15 MB.

    Args:
        diagnosis: what was found.
        command: what the user typed.
        finished: date and time, as the reader should see them, or ''.
        versions: of nunbit and the libraries; 'nunbit' stands in the page's foot.
        progress: listener to progress.
    """
    makers: list[Callable[[Diagnosis], Section | None]] = [
        overview,
        findings,
        contact_sheets,
        counts,
        files,
        pixel_values,
        contract,
        partial(method, command=command, versions=versions),
    ]
    name = diagnosis.samples.name
    return document(
        title=f"{name} · check · nunbit",
        heading=name,
        aside="checked",
        description=headline(diagnosis),
        finished=finished,
        version=versions.get("nunbit", ""),
        sections=make_sections(makers, diagnosis, progress=progress),
        style=style_of("check"),
    )
