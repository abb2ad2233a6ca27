"""The shell of a page, and the section: the part that a page is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from markupsafe import Markup

from nunbit.progress import SILENT, Progress
from nunbit.reports.kit.tables import stack_tables
from nunbit.reports.kit.templates import render

T = TypeVar("T")
FOOTER = "Made by nunbit {}. This page is self-contained: it loads nothing and runs no script."


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of the page."""

    name: str
    """Unique; the anchor of links to it."""
    title: str
    body: Markup


def make_sections(
    makers: Sequence[Callable[[T], Section | None]], given: T, *, progress: Progress = SILENT
) -> list[Section]:
    """The sections that have something to show, in the order of their makers."""
    steps: Iterable[Callable[[T], Section | None]] = progress.track(
        makers, total=len(makers), title="Writing sections of the page"
    )
    return [section for make in steps if (section := make(given)) is not None]


def document(  # noqa: PLR0913 - what a page shows
    *,
    title: str,
    heading: str,
    aside: str,
    description: str,
    finished: str,
    version: str,
    sections: Sequence[Section],
    style: str = "",
    language: str = "en",
    footer: str = "",
) -> str:
    """The whole page as self-contained HTML, ready to be written as UTF-8.

    Nothing is fetched and no script runs. `title` is the browser tab's, `heading` with a quieter
    `aside` the page's; `description` says the page in one sentence; `finished` is date and time
    as the reader should see them, or ''; `style` is what `style_of` gives for the page,
    `language` the language of its text, `footer` its last line where the usual one does not suit.
    """
    page = render(
        "kit/page",
        title=title,
        heading=heading,
        aside=aside,
        description=description,
        finished=finished,
        version=version,
        sections=[replace(part, body=stack_tables(part.body)) for part in sections],
        style=Markup(style),
        language=language,
        footer=footer or FOOTER.format(version),
    )
    # Names on disk need not be valid Unicode; what cannot be written is shown as "?".
    return page.encode("utf-8", errors="replace").decode("utf-8")
