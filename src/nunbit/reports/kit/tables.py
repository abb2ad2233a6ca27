"""Tables that stay readable on a phone: below a width, each row becomes a list of named values.

CSS stacks the cells (see `.stacks` in style.css), but cannot take a cell's name from the head of
its column: here every cell is given it.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

MIN_COLUMNS = 4
"""A table with fewer columns fits the narrowest screens when its cells wrap."""
_TABLE = re.compile(
    r'(?P<box><div class="scroll[^>]*>\s*)<table(?: class="(?P<kinds>[^"]*)")?>'
    r"(?P<body>.*?)</table>",
    re.DOTALL,
)
_HEAD = re.compile(r"<thead>.*?</thead>", re.DOTALL)
_ROW = re.compile(r"<tr[^>]*>.*?</tr>", re.DOTALL)
_HEADING = re.compile(r"<th\b(?P<attributes>[^>]*)>(?P<text>.*?)</th>", re.DOTALL)
_CELL = re.compile(r"<(?P<tag>th|td)\b(?P<attributes>[^>]*)>")
_SPAN = re.compile(r'colspan="(\d+)"')
_NOT_STACKED = frozenset({"matrix"})
"""Kinds of tables whose columns are the point of them: they scroll in their box."""


def stack_tables(body: Markup) -> Markup:
    """The HTML of a section, its wide tables ready to be stacked on narrow screens.

    These are tables that stand directly in a box of class `scroll`, with a head of one row.
    """
    return Markup(_TABLE.sub(_stacked, str(body)))


def _stacked(found: re.Match[str]) -> str:
    kinds = (found["kinds"] or "").split()
    head = _HEAD.search(found["body"])
    if head is None or _NOT_STACKED & set(kinds):
        return found[0]
    names = [
        name
        for heading in _HEADING.finditer(head[0])
        for name in [Markup(heading["text"]).striptags()] * _span(heading["attributes"])
    ]
    if len(names) < MIN_COLUMNS:
        return found[0]
    rows = _ROW.sub(lambda row: _with_names(row[0], names), found["body"][head.end() :])
    opening = f'{found["box"]}<table class="{" ".join([*kinds, "stacks"])}">'
    return f"{opening}{found['body'][: head.end()]}{rows}</table>"


def _with_names(row: str, names: list[str]) -> str:
    column = 0

    def named(cell: re.Match[str]) -> str:
        nonlocal column
        at, column = column, column + _span(cell["attributes"])
        if cell["tag"] == "th" or at >= len(names):
            return cell[0]
        return f'<td data-label="{escape(names[at])}"{cell["attributes"]}>'

    return _CELL.sub(named, row)


def _span(attributes: str) -> int:
    found = _SPAN.search(attributes)
    return int(found[1]) if found else 1
