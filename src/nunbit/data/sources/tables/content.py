"""Cells of a table, whatever file it stands in: CSV, a list with blanks, JSON or Parquet."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from nunbit.data.csv_io import Row, read_table
from nunbit.data.sources.class_names import clean
from nunbit.data.sources.tables.cells import Table
from nunbit.data.sources.tables.exports.json_table import (
    read_json_table,
    records_table,
    with_json_cells,
)
from nunbit.data.sources.tables.parquet import read_parquet
from nunbit.documents import DocumentError, parse_json
from nunbit.errors import DataError
from nunbit.formatting import examples, plain_cell, quoted

TEXT_ENDINGS = frozenset({".csv", ".tsv", ".tab", ".txt"})
PARQUET_ENDINGS = frozenset({".parquet", ".pq"})
JSON_ENDINGS = frozenset({".json", ".jsonl", ".ndjson"})
SPLIT_COLUMNS = ("path", "label", "split", "group", "sha256", "reason")
"""First line of a run's split.csv, which is a table as well."""
_KNOWN_HEADERS = frozenset({"path", "file", "filename", "file_name", "image", "label", "class"})


def read_content(path: Path, *, header: bool) -> Table:
    """The cells of a table.

    Raises:
        DataError: when it cannot be read, is empty, or two columns have one name.
    """
    ending = path.suffix.lower()
    if ending in PARQUET_ENDINGS:
        return read_parquet(path)
    if ending == ".json":
        return read_json_table(path)
    if ending in JSON_ENDINGS:
        return _read_json_lines(path)
    return _read_text(path, header=header)


def _read_text(path: Path, *, header: bool) -> Table:
    rows = read_table(path)
    notes = []
    while len(rows) > 1 and rows[0][1][0].startswith("#") and len(rows[0][1]) < len(rows[1][1]):
        notes.append(f"line {rows[0][0]} is a comment")
        rows = rows[1:]
    if notes:  # the comment has decided on the separator
        rows = read_table(path, skip=len(notes))
    if not rows:
        raise DataError("the table is empty", path=path)
    if all(len(cells) == 1 for _, cells in rows) and (listed := _split_at_blanks(rows)):
        rows = listed
        header = header and bool({cell.lower() for cell in rows[0][1]} & _KNOWN_HEADERS)
    if header:
        names = [clean(cell) for cell in rows[0][1]]
        rows, width = rows[1:], len(names)
    else:
        width = max(len(cells) for _, cells in rows)
        names = [str(number) for number in range(1, width + 1)]
    doubled = [name for name, times in Counter(names).items() if times > 1 and name]
    if doubled:
        raise DataError(f"two columns have one name: {examples(doubled)}", path=path)
    for line, cells in rows:
        if len(cells) > width:
            raise DataError(
                f"line {line} has {len(cells)} cells, the first line {width}",
                path=path,
                remedy="put cells that hold a separator into double quotes",
            )
    body = [
        cells if len(cells) == width else cells + [""] * (width - len(cells)) for _, cells in rows
    ]
    if names == list(SPLIT_COLUMNS):  # our own file
        body = [list(map(plain_cell, cells)) for cells in body]
    lines = [line for line, _ in rows]
    columns = {name: [cells[at] for cells in body] for at, name in enumerate(names)}
    return Table(
        columns=with_json_cells(columns, lines, path),
        lines=lines,
        line_word="line",
        has_header=header,
        notes=tuple(notes),
    )


def _split_at_blanks(rows: list[Row]) -> list[Row]:
    """Rows of a list such as `train/1.jpg cat`; nothing where a row has no blank."""
    split = [(line, cells[0].split()) for line, cells in rows]
    if len({len(cells) for _, cells in split}) == 1 and len(split[0][1]) > 1:
        return split
    split = [(line, cells[0].split(maxsplit=1)) for line, cells in rows]
    return split if all(len(cells) == 2 for _, cells in split) else []


def _read_json_lines(path: Path) -> Table:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the table cannot be read: {error}", path=path) from error
    records: list[tuple[int, dict[str, object]]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except DocumentError as error:
            raise DataError(f"line {number} is not JSON: {quoted(error)}", path=path) from error
        if not isinstance(record, dict):
            raise DataError(f"line {number} is not a JSON object", path=path)
        records.append((number, record))
    if not records:
        raise DataError("the table is empty", path=path)
    return records_table(
        [record for _, record in records],
        [number for number, _ in records],
        line_word="line",
        path=path,
    )
