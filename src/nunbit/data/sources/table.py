"""Tables (CSV or Parquet) with a path and a label in each row."""

from __future__ import annotations

import math
import os
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from nunbit.data.csv_io import read_table
from nunbit.data.sources.class_names import clean
from nunbit.data.sources.exclusions import EXCLUDED_BY
from nunbit.data.sources.part_names import PART_NAMES, part_of
from nunbit.data.sources.raw_samples import FileRows, RawSamples, SourceOptions
from nunbit.errors import ConfigError, DataError
from nunbit.formatting import count, examples, quoted
from nunbit.suggest import suggest

TEXT_ENDINGS = frozenset({".csv", ".tsv", ".tab", ".txt"})
PARQUET_ENDINGS = frozenset({".parquet", ".pq"})
COLUMNS: dict[str, tuple[str, ...]] = {
    "path": ("path", "file", "filename", "file_name", "image"),
    "label": ("label", "class", "target"),
    "split": ("split", "part", "set"),
    "group": ("group",),
    "reason": ("reason",),
}
"""What a column is for, and the names that mean it, best first; case does not matter."""

EXCLUDED = "excluded"
"""The word of nunbit's own split.csv for a row that is not used."""
EXCLUDED_REASON = f"{EXCLUDED_BY} table"
"""Beginning of the reason for such a row."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells as text; row i of the table is in line `lines[i]` of the file."""

    columns: dict[str, list[str]]
    lines: list[int]
    line_word: str
    """'line' for text, 'row' for Parquet, in messages."""
    unreadable: tuple[str, ...] = ()
    """Columns of bytes or nested values."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Content of one row; equal rows may appear twice."""

    name: str
    part: str
    group: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of the table and where it is."""

    at: int
    """Position among the rows."""
    number: int
    """Line of the file."""
    path: str
    """As written."""
    row: Row


def recognises(path: Path) -> bool:
    """Tell whether the file's ending is one of a table."""
    return path.is_file() and path.suffix.lower() in TEXT_ENDINGS | PARQUET_ENDINGS


def load(path: Path, options: SourceOptions) -> RawSamples:
    """One row for each path named; paths are relative to the table's folder.

    A file that is missing and a row without a label get a reason; a path repeated with the same
    class, part and group counts once, with a note. Columns that have no use of their own are kept
    as text; of a repeated path, what comes first.

    Raises DataError for a table without the columns, with one path in two classes, parts or
    groups, with an unknown part, or none of whose files exists.
    """
    table = _read_parquet(path) if path.suffix.lower() in PARQUET_ENDINGS else _read_text(path)
    chosen, notes = _choose_columns(table, path)
    by_pattern = _choose_group_column(table, chosen, options.group_from)
    rows = FileRows()
    lines: dict[str, Line] = {}
    repeated = []
    for line in _each_row(table, chosen, path):
        row = line.row
        place = f"{table.line_word} {line.number}"
        relative, reason = _locate(path.parent, line.path, place=place)
        if relative in lines:
            _check_same_row(lines[relative], line, relative, table, path)
            repeated.append(relative)
            continue
        lines[relative] = line
        rows.add(
            relative,
            path.parent / relative,
            name=row.name or None,
            part=row.part,
            group=row.group,
            reason=row.reason or reason or ("" if row.name else "no label in the table"),
        )
    if repeated:
        times = count(len(repeated), "path appears", "paths appear")
        notes.append(f"{times} in the table more than once, saying the same: {examples(repeated)}")
    _check_any_file(rows, path)
    kept = [line.at for line in lines.values()]
    used = {word for use in chosen for word in (chosen[use].lower(), *COLUMNS[use])}
    return rows.raw_samples(
        notes=notes,
        groups_settled=not by_pattern,
        columns={
            name: [values[at].strip() for at in kept]
            for name, values in table.columns.items()
            if name and name.lower() not in used
        },
    )


def _read_text(path: Path) -> Table:
    rows = read_table(path)
    if not rows:
        raise DataError("the table is empty", path=path)
    header = [clean(cell) for cell in rows[0][1]]
    doubled = [name for name, times in Counter(header).items() if times > 1 and name]
    if doubled:
        raise DataError(f"two columns have one name: {examples(doubled)}", path=path)
    for line, cells in rows[1:]:
        if len(cells) > len(header):
            raise DataError(
                f"line {line} has {len(cells)} cells, the first line {len(header)}",
                path=path,
                remedy="put cells that hold a separator into double quotes",
            )
    body = [cells + [""] * (len(header) - len(cells)) for _, cells in rows[1:]]
    columns = {name: [cells[at] for cells in body] for at, name in enumerate(header)}
    return Table(columns=columns, lines=[line for line, _ in rows[1:]], line_word="line")


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = pq.read_table(path)
    except (OSError, ValueError, LookupError, pa.ArrowException) as error:
        raise _unreadable_parquet(error, path) from error
    columns, unreadable = {}, []
    for name, column in zip(content.column_names, content.columns, strict=True):
        kind = column.type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            unreadable.append(str(name))
        else:
            try:
                values = column.to_pylist()
            except (ValueError, OverflowError, pa.ArrowException) as error:
                # Text that is not UTF-8, a date that no calendar has.
                what = ValueError(f"column '{quoted(name)}': {error}")
                raise _unreadable_parquet(what, path) from error
            columns[clean(str(name))] = [_as_text(value) for value in values]
    return Table(
        columns=columns,
        lines=list(range(1, content.num_rows + 1)),
        line_word="row",
        unreadable=tuple(unreadable),
    )


def _unreadable_parquet(error: Exception, path: Path) -> DataError:
    return DataError(
        f"the Parquet file cannot be read: {quoted(error)}",
        path=path,
        remedy="write it again; texts are UTF-8",
    )


def _as_text(value: object) -> str:
    """Text of a cell; whole numbers that an empty cell turned into floats lose their '.0'."""
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value).removesuffix(".0")
    return str(value)


def _choose_columns(table: Table, path: Path) -> tuple[dict[str, str], list[str]]:
    """Use to column name, and a remark where two columns would do."""
    chosen, notes = {}, []
    for use, words in COLUMNS.items():
        fitting = [name for word in words for name in table.columns if name.lower() == word]
        if fitting:
            chosen[use] = fitting[0]
        if len(fitting) > 1:
            notes.append(
                f"the {use} is read from column '{fitting[0]}', not {examples(fitting[1:])}"
            )
    for use in ("path", "label"):
        if use not in chosen:
            bytes_in = f"; {examples(table.unreadable)} holds no text" if table.unreadable else ""
            raise DataError(
                f"the table has no column for the {use}; its columns are "
                f"{examples(table.columns, max_shown=20)}{bytes_in}",
                path=path,
                remedy=f"give it a first line in which one is called {' or '.join(COLUMNS[use])}",
            )
    return chosen, notes


def _choose_group_column(table: Table, chosen: dict[str, str], group_from: str | None) -> bool:
    """Put the group's column into `chosen`; True where `group_from` is a pattern on paths."""
    if group_from is None:
        return False
    named = [name for name in table.columns if name.lower() == group_from.strip().lower()]
    if named:
        chosen["group"] = named[0]
        return False
    if "(" in group_from:
        return True
    raise ConfigError(
        f"the table has no column '{group_from}' for groups; its columns are "
        f"{examples(table.columns, max_shown=20)}",
        remedy=suggest(group_from, table.columns, form="'{}'")
        or "name a column, or give a regular expression with one capture group",
    )


def _each_row(table: Table, chosen: dict[str, str], path: Path) -> Iterator[Line]:
    """The rows in their order."""
    blank = [""] * len(table.lines)
    cells = {use: table.columns[chosen[use]] if use in chosen else blank for use in COLUMNS}
    for at, line in enumerate(table.lines):
        word = cells["split"][at]
        excluded = word.strip().lower() == EXCLUDED
        part = "" if excluded or not word.strip() else part_of(word)
        if part is None:
            raise DataError(
                f"{table.line_word} {line} says '{word}' for the part",
                path=path,
                remedy=f"accepted are {', '.join([*PART_NAMES, EXCLUDED])}, or nothing",
            )
        why = cells["reason"][at].strip().removeprefix(f"{EXCLUDED_REASON}: ")
        reason = EXCLUDED_REASON + (f": {why}" if why else "") if excluded else ""
        row = Row(
            name=clean(cells["label"][at]),
            part=part,
            group=cells["group"][at].strip(),
            reason=reason,
        )
        yield Line(at=at, number=line, path=cells["path"][at], row=row)


def _locate(folder: Path, written: str, *, place: str) -> tuple[str, str]:
    """(relative path of the file meant, why it cannot be used or '').

    Tables come from other systems: blanks around the path, backslashes and the other Unicode
    form are tried where the path as written does not exist.
    """
    if not written.strip():
        return f"({place})", "no path in the table"
    for spelling in _spellings(written):
        relative = _relative(folder, spelling)
        try:
            if (folder / relative).is_file():
                return relative, ""
            if (folder / relative).exists():
                return relative, "not a regular file"
        except (OSError, ValueError):
            return relative, "no usable path in the table"
    return _relative(folder, written.strip()), "file is missing"


def _spellings(written: str) -> Iterator[str]:
    yield written
    stripped = written.strip()
    for spelling in (stripped, PureWindowsPath(stripped).as_posix()):
        yield spelling
        for form in ("NFC", "NFD"):
            yield unicodedata.normalize(form, spelling)


def _relative(folder: Path, written: str) -> str:
    if not Path(written).is_absolute():
        return posixpath.normpath(written)
    if Path(written).is_relative_to(folder.absolute()):
        return Path(written).relative_to(folder.absolute()).as_posix()
    return Path(os.path.relpath(written, folder.resolve())).as_posix()


def _check_same_row(first: Line, second: Line, relative: str, table: Table, path: Path) -> None:
    row, other = first.row, second.row
    for what, one, two in (
        ("class", row.name, other.name),
        ("part", row.part or row.reason, other.part or other.reason),
        ("group", row.group, other.group),
    ):
        if one != two:
            raise DataError(
                f"'{relative}' appears in {table.line_word}s {first.number} and "
                f"{second.number} with different {what}: '{one}' and '{two}'",
                path=path,
                remedy="take the wrong row out",
            )


def _check_any_file(rows: FileRows, path: Path) -> None:
    if not rows.paths:
        raise DataError("the table has a first line but no rows", path=path)
    missing = [at for at, reason in enumerate(rows.reasons) if reason == "file is missing"]
    if missing and all(rows.reasons):
        raise DataError(
            f"no file that the table names can be used, e.g. {examples([rows.paths[missing[0]]])} "
            "is missing",
            path=path,
            remedy="paths are relative to the table's folder: put the table there, or give "
            "absolute paths",
        )
