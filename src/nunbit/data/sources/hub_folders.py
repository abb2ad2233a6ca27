"""Folders as Hugging Face hands them out: Parquet shards, or images with a `metadata` table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nunbit.data.csv_io import read_table
from nunbit.data.sources.layouts.words import part_in
from nunbit.data.sources.raw_samples import RawSamples, SourceOptions
from nunbit.data.sources.table import load_table
from nunbit.data.sources.tables.cells import Table, join_tables
from nunbit.data.sources.tables.columns import COLUMNS, MORE_LABELS
from nunbit.data.sources.tables.content import PARQUET_ENDINGS, read_content
from nunbit.data.sources.tables.parquet import has_images
from nunbit.data.sources.walking import is_hidden
from nunbit.documents import parse_json
from nunbit.errors import DataError

METADATA = ("metadata.csv", "metadata.jsonl")
_FILE_NAME = "file_name"
_SHARD = re.compile(r"(?P<part>.+?)[-_.]\d+[-_]of[-_]\d+")


def recognises_shards(path: Path) -> bool:
    """Tell whether a folder, or `data` in it, holds Parquet files with images in them."""
    files = _shards(path)
    if not files:
        return False
    return has_images(files[0])


def load_shards(path: Path, options: SourceOptions) -> RawSamples:
    """One row for each row of the shards; the parts are those that the files' names say.

    Raises what reading a table raises.
    """
    files = _shards(path)
    tables = [read_content(file, header=True) for file in files]
    first = (tables[0].image_column, tables[0].class_names)
    for file, table in zip(files, tables, strict=True):
        if (table.image_column, table.class_names) != first:
            raise DataError(
                f"'{file.name}' has other columns or classes than '{files[0].name}'",
                path=path,
                remedy="give one of the files, or a folder of those that belong together",
            )
    return load_table(_with_parts(tables, [_part(f) for f in files]), path, options, shards=files)


def recognises_metadata(path: Path) -> bool:
    """Tell whether a folder, or a folder in it, holds a `metadata` table of names and labels."""
    found = _metadata(path)
    return bool(found) and all(_has_labels(file) for file in found)


def load_metadata(path: Path, options: SourceOptions) -> RawSamples:
    """One row for each image that the tables name, relative to the table's folder.

    Raises what reading a table raises.
    """
    tables, parts = [], []
    for file in _metadata(path):
        table = read_content(file, header=True)
        folder = "" if file.parent == path else file.parent.name
        names = [f"{folder}/{n}".lstrip("/") for n in table.columns[_FILE_NAME]]
        tables.append(replace(table, columns={**table.columns, _FILE_NAME: names}))
        parts.append(part_in(folder) or "")
    return load_table(_with_parts(tables, parts), path, options)


def _with_parts(tables: Sequence[Table], parts: Sequence[str]) -> Table:
    """The tables joined, with the parts as a column where there are several and no other says."""
    tables = list(tables)
    taken = {name.lower() for table in tables for name in table.columns} & set(COLUMNS["split"])
    if len(set(parts)) > 1 and not taken:
        tables = [
            replace(table, columns={**table.columns, "split": [part] * len(table.lines)})
            for table, part in zip(tables, parts, strict=True)
        ]
    return join_tables(tables)


def _shards(path: Path) -> list[Path]:
    if not path.is_dir() or _holds_more(path):
        return []
    for folder in (path, path / "data"):
        files = sorted(f for f in _files(folder) if f.suffix.lower() in PARQUET_ENDINGS)
        if files:
            return files
    return []


def _holds_more(path: Path) -> bool:
    """Other tables, or folders of images: then nothing says that the Parquet files are meant."""
    try:
        beside = [entry for entry in path.iterdir() if not is_hidden(entry.name)]
    except OSError:
        return True
    return any(
        entry.name != "data" if entry.is_dir() else entry.suffix.lower() in (".csv", ".tsv")
        for entry in beside
    )


def _files(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.is_file()]
    except OSError:
        return []


def _part(file: Path) -> str:
    shard = _SHARD.match(file.name)
    return part_in(shard["part"] if shard else file.stem) or ""


def _metadata(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    own = [path / name for name in METADATA if (path / name).is_file()]
    if own:
        return own[:1]
    try:
        folders = sorted(folder for folder in path.iterdir() if part_in(folder.name))
    except OSError:
        return []
    return [f / name for f in folders for name in METADATA if (f / name).is_file()]


def _has_labels(file: Path) -> bool:
    try:
        if file.suffix == ".csv":
            names = [cell.strip().lower() for cell in read_table(file)[0][1]]
        else:
            with file.open(encoding="utf-8-sig") as lines:
                names = [str(name).lower() for name in parse_json(lines.readline())]
    except (OSError, ValueError, IndexError, TypeError, RecursionError, DataError):
        return False
    return _FILE_NAME in names and any(word in names for word in (*COLUMNS["label"], *MORE_LABELS))
