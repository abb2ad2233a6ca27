"""The shell of a page, its templates, and the section: the part that a page is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from nunbit import formatting as words

FOOTER = "Made by nunbit {}. This page stands alone: it loads nothing and runs no script."


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of the page."""

    name: str
    """Unique; the anchor of links to it."""
    title: str
    body: Markup


def render(package: str, template: str, /, **values: object) -> Markup:
    """HTML of one template of a package, `package/templates/template.html.j2`.

    Every value is escaped unless it is Markup; templates of this package can be included. A
    value that is missing raises jinja2.UndefinedError.
    """
    return Markup(_environment(package).get_template(f"{template}.html.j2").render(**values))


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
    as the reader should see them, or ''; `style` is what a package adds to the style sheet,
    `language` the language of its text, `footer` its last line where the usual one does not suit.
    """
    page = render(
        "nunbit.reports.kit",
        "page",
        title=title,
        heading=heading,
        aside=aside,
        description=description,
        finished=finished,
        version=version,
        sections=sections,
        style=Markup(style),
        language=language,
        footer=footer or FOOTER.format(version),
    )
    # Names on disk need not be valid Unicode; what cannot be written is shown as "?".
    return page.encode("utf-8", errors="replace").decode("utf-8")


def _with_code(text: str) -> Markup:
    """Text whose `quoted` commands are set as code; everything is escaped."""
    pieces = str(text).split("`")
    if len(pieces) % 2 == 0:  # a lone quote
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )


@cache
def _environment(package: str) -> Environment:
    """Templates that escape everything and fail on a missing value."""
    templates = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("nunbit.reports.kit")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "count": words.count,
        "percent": words.percent,
        "confidence": words.confidence,
        "decimal": words.decimal,
        "duration": words.duration,
        "plain": words.plain,
        "with_code": _with_code,
    }
    templates.globals |= {
        "percent_with_range": words.percent_with_range,
        "count": words.count,
    }
    return templates
