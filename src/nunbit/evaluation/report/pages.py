"""Templates, and the section: the part that the report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nunbit.evaluation.report import words


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of the page."""

    name: str
    """Unique; the anchor of links to it."""
    title: str
    body: Markup


@cache
def environment() -> Environment:
    """Templates that escape everything and fail on a missing value."""
    templates = Environment(
        loader=PackageLoader("nunbit.evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "count": words.count,
        "percent": words.percent,
        "share": words.share,
        "confidence": words.confidence,
        "decimal": words.decimal,
        "duration": words.duration,
        "plain": words.plain,
    }
    templates.globals |= {
        "percent_with_range": words.percent_with_range,
        "counted": words.counted,
    }
    return templates


def render(template: str, /, **values: object) -> Markup:
    """HTML of one template; every value is escaped unless it is Markup."""
    return Markup(environment().get_template(f"{template}.html.j2").render(**values))
