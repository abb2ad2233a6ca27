"""Delimited text (CSV, also with semicolons or tabs) as rows that know their line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from nunbit.errors import DataError

SEPARATORS = (",", ";", "\t")


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, cells) of every row that is not blank.

    The separator is the one that occurs most in the first line. UTF-8, with or without a byte
    order mark. Raises DataError where the file cannot be read as such text.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"the table cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"the table is not UTF-8 text (byte {error.start})",
            path=path,
            remedy="save it as 'CSV UTF-8'",
        ) from error
    # Not str.splitlines, which would also end a row within a cell, at a form feed for example.
    lines = list(io.StringIO(text, newline=""))
    first = next((line for line in lines if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    try:
        rows = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise DataError(
            f"the table cannot be read at line {reader.line_num}: {error}", path=path
        ) from error
    return [(line, cells) for line, cells in rows if any(cell.strip() for cell in cells)]
