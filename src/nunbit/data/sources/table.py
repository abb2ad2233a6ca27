"""Tables (CSV, JSON or Parquet) with a path and a label in each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nunbit.data.sources.exclusions import EXCLUDED_BY
from nunbit.data.sources.layouts.tree import SIDECAR_ENDINGS
from nunbit.data.sources.layouts.words import LABEL_FOLDERS
from nunbit.data.sources.part_names import PART_NAMES, part_of
from nunbit.data.sources.raw_samples import RawSamples, Rows, SourceOptions
from nunbit.data.sources.tables.cells import Table
from nunbit.data.sources.tables.columns import COLUMNS, Columns, choose_columns
from nunbit.data.sources.tables.content import (
    JSON_ENDINGS,
    PARQUET_ENDINGS,
    TEXT_ENDINGS,
    read_content,
)
from nunbit.data.sources.tables.files import MISSING, FileFinder
from nunbit.data.sources.tables.labels import read_labels
from nunbit.data.sources.tables.warnings import column_warnings
from nunbit.data.sources.walking import is_hidden
from nunbit.data.storage import FilesBelow
from nunbit.errors import ConfigError, DataError
from nunbit.formatting import count, examples
from nunbit.suggest import suggest

EXCLUDED = "excluded"
"""The word of nunbit's own split.csv for a row that is not used."""
EXCLUDED_REASON = f"{EXCLUDED_BY} table"
"""Beginning of the reason for such a row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """Content of one row; equal rows may appear twice."""

    name: str
    part: str
    group: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A row of the table and where it is."""

    at: int
    """Position among the rows."""
    number: int
    """Line of the file."""
    path: str
    """Path as written."""
    row: Row


def recognises(path: Path) -> bool:
    """Tell whether the file's ending is one of a table."""
    return path.is_file() and path.suffix.lower() in TEXT_ENDINGS | PARQUET_ENDINGS | JSON_ENDINGS


def load(path: Path, options: SourceOptions) -> RawSamples:
    """One row for each path named; paths are relative to the table's folder or `image_root`.

    A file that is missing and a row without a label get a reason; a path repeated with the same
    class, part and group counts once, with a note. Columns that have no use of their own are kept
    as text; of a repeated path, what comes first.

    Raises DataError for a table without the columns, with one path in two classes, parts or
    groups, with an unknown part or several labels in a cell, or none of whose files exists.
    """
    table = read_content(path, header=options.header)
    return load_table(table, path, options)


def load_table(
    table: Table, path: Path, options: SourceOptions, *, shards: Sequence[Path] = ()
) -> RawSamples:
    """Rows of a table that was read; `shards` are the Parquet files that it was joined from.

    Raises what `load` raises.
    """
    base = options.image_root or (path if path.is_dir() else _folder_of_images(path))
    finder = FileFinder(base)
    columns = choose_columns(table, path, finder, options)
    by_pattern = _choose_group_column(table, columns.chosen, options.group_from)
    labels, notes = read_labels(table, columns, path, renamed=options.renamed)
    warnings = list(column_warnings(table, columns))
    images = None if table.image_column is None else _Embedded(table, shards or (path,), base, path)
    rows: Rows[Any] = _files_below(base) if images is None else images.rows
    lines: dict[str, Line] = {}
    repeated = []
    for line in _each_row(table, columns, labels, path):
        row = line.row
        if images is None:
            numbered = f"{table.line_word} {line.number}"
            relative, reason = finder.locate(line.path, place=numbered)
        else:
            relative, reason = images.names[line.at], ""
        if relative in lines:
            _check_same_row(lines[relative], line, relative, table, path)
            repeated.append(relative)
            continue
        lines[relative] = line
        why = row.reason or reason or ("" if row.name else "no label in the table")
        place: Any = relative if images is None else images.places[line.at]
        rows.add(relative, place, name=row.name or None, part=row.part, group=row.group, reason=why)
    notes = [*table.notes, *columns.notes, *notes]
    if finder.by_name:
        found = count(len(finder.by_name), "file is", "files are")
        notes.append(f"{found} found by name alone, e.g. {examples(finder.by_name[:1])}")
    if repeated:
        times = count(len(repeated), "path appears", "paths appear")
        notes.append(f"{times} in the table more than once, saying the same: {examples(repeated)}")
    _check_any_file(rows, path)
    kept = [line.at for line in lines.values()]
    return rows.raw_samples(
        notes=notes,
        warnings=warnings,
        groups_settled=not by_pattern,
        columns={
            name: [values[at].strip() for at in kept]
            for name, values in table.columns.items()
            if name and name.lower() not in columns.used
        },
    )


def _files_below(base: Path) -> Rows[str]:
    """Rows whose images are files, by their paths."""
    return Rows(store=lambda paths: FilesBelow(root=base, paths=paths))


def _folder_of_images(path: Path) -> Path:
    """The folder of a table, or that above `annotations/` where nothing but tables lies in it."""
    folder = path.parent
    if folder.name.lower() not in LABEL_FOLDERS:
        return folder
    try:
        only = all(
            entry.is_file() and entry.suffix.lower().lstrip(".") in SIDECAR_ENDINGS
            for entry in folder.iterdir()
            if not is_hidden(entry.name)
        )
    except OSError:
        return folder
    return folder.parent if only else folder


class _Embedded:
    """Images that stand in Parquet files themselves."""

    def __init__(self, table: Table, shards: Sequence[Path], base: Path, path: Path) -> None:
        from nunbit.data.sources.tables.parquet import ParquetImages, shard_of

        column = table.image_column or ""
        read = tuple(shard_of(shard, column) for shard in shards)
        self.places = [
            (number, row) for number, shard in enumerate(read) for row in range(shard.starts[-1])
        ]
        written = [cell.strip() for cell in table.columns[column]]
        own = all(written) and len(set(written)) == len(written)
        parent = path if path.is_dir() else path.parent
        self.names = [
            name if own else f"{shards[number].relative_to(parent).stem}/{row:06}"
            for name, (number, row) in zip(written, self.places, strict=True)
        ]

        def store(places: tuple[tuple[int, int], ...]) -> ParquetImages:
            named = dict(zip(self.places, self.names, strict=True))
            return ParquetImages(
                shards=read,
                rows=places,
                names=tuple(named[place].rpartition("/")[2] for place in places),
                base=base,
            )

        self.rows: Rows[tuple[int, int]] = Rows(store=store)


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


def _each_row(table: Table, columns: Columns, labels: Sequence[str], path: Path) -> Iterator[Line]:
    """The rows in their order."""
    blank = [""] * len(table.lines)
    alike: dict[Row, Row] = {}
    cells = {
        use: table.columns[columns.chosen[use]] if use in columns.chosen else blank
        for use in COLUMNS
    }
    for at, line in enumerate(table.lines):
        word = cells["split"][at]
        excluded = word.strip().lower() == EXCLUDED
        known = columns.parts.get(word.strip().lower()) or part_of(word)
        part = "" if excluded or not word.strip() else known
        if part is None:
            raise DataError(
                f"{table.line_word} {line} says '{word}' for the part",
                path=path,
                remedy=f"accepted are {', '.join([*PART_NAMES, EXCLUDED])}, or nothing",
            )
        why = cells["reason"][at].strip().removeprefix(f"{EXCLUDED_REASON}: ")
        reason = EXCLUDED_REASON + (f": {why}" if why else "") if excluded else ""
        row = Row(name=labels[at], part=part, group=cells["group"][at].strip(), reason=reason)
        yield Line(at=at, number=line, path=cells["path"][at], row=alike.setdefault(row, row))


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
                remedy="take the wrong row out"
                + ("; nunbit gives each image one class" if what == "class" else ""),
            )


def _check_any_file(rows: Rows[Any], path: Path) -> None:
    if not rows.paths:
        raise DataError("the table has a first line but no rows", path=path)
    missing = [at for at, reason in enumerate(rows.reasons) if reason.startswith(MISSING)]
    if missing and all(rows.reasons):
        raise DataError(
            f"no file that the table names can be used, e.g. {examples([rows.paths[missing[0]]])} "
            "is missing",
            path=path,
            remedy="paths are relative to the table's folder: name the folder of the images with "
            "--image-root",
        )
