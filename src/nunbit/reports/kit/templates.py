"""Templates and style sheets, each in the folder `templates` of its page."""

from __future__ import annotations

from importlib import resources

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from nunbit import formatting

_REPORTS = "nunbit.reports"


class Templates:
    """The templates of a package that has a folder for each page."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._environment = Environment(
            loader=ChoiceLoader([PackageLoader(name, ".") for name in {package, _REPORTS}]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "count": formatting.count,
            "percent": formatting.percent,
            "confidence": formatting.confidence,
            "decimal": formatting.decimal,
            "duration": formatting.duration,
            "plain": formatting.plain,
            "with_code": _with_code,
            "in_two": _in_two,
        }
        self._environment.globals |= {
            "count": formatting.count,
            "percent_with_range": formatting.percent_with_range,
            "decimal_with_range": formatting.decimal_with_range,
        }

    def render(self, name: str, /, **values: object) -> Markup:
        """HTML of one template: 'run/result' is `run/templates/result.html.j2`.

        Every value is escaped unless it is Markup. A template may include one of another page by
        its path. A value that is missing raises jinja2.UndefinedError.
        """
        page, _, template = name.rpartition("/")
        found = self._environment.get_template(f"{page}/templates/{template}.html.j2")
        return Markup(found.render(**values))

    def style_of(self, page: str) -> str:
        """Style that a page adds to that of every page: its CSS files, in order of names."""
        folder = resources.files(self._package).joinpath(page, "templates")
        sheets = sorted(item.name for item in folder.iterdir() if item.name.endswith(".css"))
        return "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in sheets)


def _in_two(text: str) -> Markup:
    """A number with its interval in brackets: a line breaks between the two, never within one."""
    number, bracket, interval = str(text).partition(" (")
    if not bracket:
        return Markup('<span class="nowrap">{}</span>').format(number)
    return Markup('<span class="nowrap">{}</span> <span class="nowrap">({}</span>').format(
        number, interval
    )


def _with_code(text: str) -> Markup:
    """Text whose `quoted` commands are set as code; everything is escaped."""
    pieces = str(text).split("`")
    if len(pieces) % 2 == 0:  # a lone quote
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )


_OWN = Templates(_REPORTS)
render, style_of = _OWN.render, _OWN.style_of
