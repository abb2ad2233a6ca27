"""Cells of a table as text, in columns, whatever file they came from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

LIST_SEPARATOR = "|"
"""Stands between the values of a cell that holds several."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells as text; row i of the table is in line `lines[i]` of the file."""

    columns: dict[str, list[str]]
    lines: list[int]
    line_word: str
    """'line' for text, 'row' for Parquet, in messages."""
    unreadable: tuple[str, ...] = ()
    """Columns of bytes or nested values."""
    has_header: bool = True
    """True if a line of the file named the columns; else they are called 1, 2, …"""
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names that stand for the numbers of a column, by column."""
    image_column: str | None = None
    """Column of Parquet that holds the images themselves; its cells are their names."""
    notes: tuple[str, ...] = ()


def as_text(value: object) -> str:
    """Text of a cell; whole numbers that an empty cell turned into floats lose their '.0'."""
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value).removesuffix(".0")
    if isinstance(value, list):
        return LIST_SEPARATOR.join(map(as_text, value))
    return str(value)


def join_tables(tables: list[Table]) -> Table:
    """One table below the other; a column that one lacks is empty there."""
    names = dict.fromkeys(name for table in tables for name in table.columns)
    return replace(
        tables[0],
        columns={
            name: [
                cell
                for table in tables
                for cell in table.columns.get(name, [""] * len(table.lines))
            ]
            for name in names
        },
        lines=[line for table in tables for line in table.lines],
    )
