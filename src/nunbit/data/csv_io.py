"""CSV files: those that nunbit writes and its user may edit in between, and tables of other makers.

Rows come as (line number, cells), so that a message can name the line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nunbit.errors import DataError
from nunbit.formatting import neutral_cell, plain_cell

SEPARATORS = (",", ";", "\t")
"""The one that occurs most in the first line separates."""
Row = tuple[int, list[str]]


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as a CSV file, in which no cell is a formula for a spreadsheet.

    A name on disk need not be valid Unicode; surrogateescape keeps its bytes.
    """
    listed = [[neutral_cell(cell) for cell in row] for row in rows]
    # The writer leaves a carriage return unquoted, which the reader takes for the end of a line.
    odd = any("\r" in field for row in listed for field in row)
    text = io.StringIO(newline="")
    csv.writer(
        text, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL
    ).writerows(listed)
    return text.getvalue().encode("utf-8", "surrogateescape")


def read_own_csv(path: Path) -> list[Row]:
    """Every row that has any cell, as it stands, of a file that `csv_bytes` made.

    Also takes what a spreadsheet makes of it: a byte order mark, semicolons or tabs. Raises
    OSError for a file that cannot be read, csv.Error for one that is not such a table.
    """
    text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    separator = _separator(text.partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    return [(reader.line_num, list(map(plain_cell, cells))) for cells in reader if any(cells)]


def read_table(path: Path, *, skip: int = 0) -> list[Row]:
    """Every row that is not blank of a table that somebody else made, but the first `skip`.

    UTF-8, with or without a byte order mark. Raises DataError where the file cannot be read as such
    text.
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
    separator = _separator(next(_after_skipping(text, skip, filled=True), ""))
    lines = _after_skipping(text, skip)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise DataError(
            f"the table cannot be read at line {reader.line_num}: {error}", path=path
        ) from error


def _after_skipping(text: str, skip: int, *, filled: bool = False) -> Iterator[str]:
    """Lines of a text without the content of the first `skip` that are not blank.

    These are blank instead, so that the numbers of the lines stay; with `filled`, blank ones are
    left out.
    """
    for line in io.StringIO(text, newline=""):
        blank = not line.strip()
        if not blank and skip:
            skip, blank, line = skip - 1, True, "\n"  # noqa: PLW2901
        if not (filled and blank):
            yield line


def _separator(line: str) -> str:
    return max(SEPARATORS, key=line.count)
