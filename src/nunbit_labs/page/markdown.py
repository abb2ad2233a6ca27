"""Text cells as HTML: CommonMark with tables, and formulas between dollar signs as MathML."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from nunbit.errors import UsageError

SPACED = re.compile(
    r"(<mi>(?:ln|log|exp|sin|cos|tanh|max|min)</mi>)(?=<(?:m[ino]>[^(]|ms|mf|munder))"
)
"""Names of functions before anything but a bracket: browsers set them without a space."""


def render_markdown(text: str) -> Markup:
    """HTML of a text cell; HTML within it is kept, as notebooks do.

    Raises:
        UsageError: when a package for it is not installed.
    """
    return Markup(_parser().render(text))


def highlighted(source: str) -> Markup:
    """Python with its words marked by class, for the style sheet to colour."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    formatter = HtmlFormatter(nowrap=True)
    return Markup('<pre class="code"><code>{}</code></pre>').format(
        Markup(highlight(source, PythonLexer(), formatter).rstrip("\n"))
    )


@cache
def _parser() -> Any:
    try:
        from markdown_it import MarkdownIt
        from mdit_py_plugins.dollarmath import dollarmath_plugin
    except ImportError:
        raise UsageError(
            "the labs need packages that are not installed",
            remedy="python -m pip install 'nunbit[labs]'",
        ) from None
    parser = MarkdownIt("commonmark", {"html": True, "highlight": _code}).enable("table")
    return parser.use(dollarmath_plugin, renderer=_formula, allow_digits=False, double_inline=True)


def _formula(content: str, options: dict[str, Any]) -> str:
    from latex2mathml.converter import convert

    display = "block" if options.get("display_mode") else "inline"
    return SPACED.sub(r'\1<mspace width="0.17em"/>', str(convert(content, display=display)))


def _code(source: str, language: str, _: str) -> str:
    # What begins with <pre is taken as it is, without another around it.
    if language in ("python", "py"):
        return str(highlighted(source))
    return str(Markup("<pre><code>{}</code></pre>").format(escape(source)))
