"""The page of a lab that was run, in any of the course's languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import Markup

from nunbit.formatting import duration
from nunbit.reports.kit import Section, Templates, document, render
from nunbit_labs.comparison import Comparison, comparison_table
from nunbit_labs.i18n import LANGUAGES, NAMES, Language, word
from nunbit_labs.lesson import TITLE, Lesson
from nunbit_labs.outputs import Output
from nunbit_labs.page.markdown import highlighted, render_markdown
from nunbit_labs.record import Result, page_name

HEADING = re.compile(r"\A## (?P<title>.+)$", re.MULTILINE)


@dataclass
class _Part:
    """Content below one heading."""

    title: str
    body: list[Markup] = field(default_factory=list)


def build_page(lesson: Lesson, outputs: Sequence[Sequence[Output]], result: Result) -> str:
    """Self-contained HTML in the lesson's language.

    `outputs` holds what each of the lesson's cells has shown.
    """
    language = lesson.language
    parts = [_Part(word("overview", language))]
    for cell, shown in zip(lesson.cells, outputs, strict=True):
        if cell.kind == "text":
            text = TITLE.sub("", cell.source, count=1) if cell is lesson.cells[0] else cell.source
            if (match := HEADING.match(text)) is not None:
                parts.append(_Part(match["title"].strip()))
                text = text[match.end() :]
            parts[-1].body.append(render_markdown(text.strip()))
            continue
        code = highlighted(cell.source)
        parts[-1].body.append(_folded(code, language) if cell.hidden else code)
        parts[-1].body.extend(_shown(shown, language))
    parts[0].body.insert(0, _language_links(language, solved=lesson.solved))
    parts.append(_Part(word("run", language), [_facts(result, lesson)]))
    return document(
        title=f"{lesson.title} · nunbit",
        heading=lesson.title,
        aside=word("solved", language) if lesson.solved else "",
        description=lesson.title,
        finished="",
        version=result.nunbit,
        sections=[
            Section(name=f"part-{number}", title=part.title, body=Markup("\n").join(part.body))
            for number, part in enumerate(parts)
        ],
        style=Templates("nunbit_labs").style_of("page"),
        language=language,
        footer=word("footer", language, result.nunbit),
    )


def _language_links(language: Language, *, solved: bool) -> Markup:
    links = [
        Markup('<a href="{}" lang="{}" hreflang="{}">{}</a>').format(
            page_name(other, solved=solved), other, other, NAMES[other]
        )
        for other in LANGUAGES
        if other != language
    ]
    return Markup('<p class="small languages">{}</p>').format(Markup(" · ").join(links))


def _folded(code: Markup, language: Language) -> Markup:
    return Markup("<details><summary>{}</summary>{}</details>").format(word("code", language), code)


def _shown(outputs: Sequence[Output], language: Language) -> list[Markup]:
    """Outputs in their order; comparisons that follow each other share a table."""
    found: list[Markup] = []
    waiting: list[Comparison] = []
    for output in [*outputs, None]:
        if isinstance(output, Comparison):
            waiting.append(output)
            continue
        if waiting:
            found.append(comparison_table(waiting, language))
            waiting = []
        if output is not None:
            found.append(output.html(language))
    return found


def _facts(result: Result, lesson: Lesson) -> Markup:
    language = lesson.language
    when = datetime.fromisoformat(result.finished).strftime("%Y-%m-%d %H:%M")
    rows = [
        (word("kind", language), word("quick-run" if result.quick else "full", language)),
        (word("time", language), f"{duration(result.seconds)}, {when}"),
        (word("machine", language), result.machine),
        (word("versions", language), f"nunbit {result.nunbit}"),
        (word("command", language), Markup("<code>{}</code>").format(result.command)),
    ]
    return render("kit/facts", rows=rows)
