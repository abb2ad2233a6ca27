"""CSV files that nunbit writes and its user may edit in between, whatever their names contain."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from nunbit.data.sources.delimited import SEPARATORS


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as a CSV file.

    A name on disk need not be valid Unicode; surrogateescape keeps its bytes.
    """
    listed = list(rows)
    # The writer leaves a carriage return unquoted, which the reader takes for the end of a line.
    odd = any("\r" in field for row in listed for field in row)
    text = io.StringIO(newline="")
    csv.writer(
        text, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL
    ).writerows(listed)
    return text.getvalue().encode("utf-8", "surrogateescape")


def read_csv(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, cells as they stand) of every row that has any; for `csv_bytes`.

    Also takes what a spreadsheet makes of it: a byte order mark, semicolons or tabs. Raises
    OSError for a file that cannot be read, csv.Error for one that is no such table.
    """
    text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    return [(reader.line_num, cells) for cells in reader if any(cells)]
