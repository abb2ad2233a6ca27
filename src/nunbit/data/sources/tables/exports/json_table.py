"""A JSON file as a table, whichever of the usual shapes it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nunbit.data.sources.class_names import clean
from nunbit.data.sources.tables.cells import Table, as_text
from nunbit.data.sources.tables.exports.coco import check_one_label, coco_table, is_coco
from nunbit.data.sources.tables.exports.label_studio import is_task_list, short_cell, tasks_table
from nunbit.documents import DocumentError, parse_json, read_json
from nunbit.errors import DataError
from nunbit.formatting import quoted

MAX_BYTES = 1 << 30
"""Size of one file: iNaturalist's lists of images have some hundred megabytes."""
_JSON_CELLS = ('{"choices"', '[{"')
"""Beginnings of cells of Label Studio's CSV that hold JSON."""
REMEDY = (
    "give COCO's or iNaturalist's JSON (images, annotations, categories), Label Studio's JSON, a "
    "list of objects with a path and a label, or an object of path to label"
)


def read_json_table(path: Path) -> Table:
    """Paths and labels of a JSON file.

    Raises:
        DataError: when it cannot be read or has another shape; it says what is read.
    """
    try:
        document = read_json(path, max_bytes=MAX_BYTES)
    except (OSError, DocumentError) as error:
        raise DataError(f"the JSON cannot be read: {quoted(error)}", path=path) from error
    if is_coco(document):
        return coco_table(document, path)
    if is_task_list(document):
        return tasks_table(document, path)
    if isinstance(document, list) and document and all(isinstance(x, Mapping) for x in document):
        return records_table(
            document, list(range(1, len(document) + 1)), line_word="object", path=path
        )
    if (
        isinstance(document, Mapping)
        and document
        and all(isinstance(value, str | int) for value in document.values())
    ):
        return Table(
            columns={
                "path": list(document),
                "label": [as_text(value) for value in document.values()],
            },
            lines=list(range(1, len(document) + 1)),
            line_word="entry",
        )
    raise DataError("this JSON is not a list of labelled images", path=path, remedy=REMEDY)


def records_table(
    records: Sequence[Mapping[str, Any]], lines: list[int], *, line_word: str, path: Path
) -> Table:
    """A column for each key; values that are objects make their column unreadable.

    Raises:
        DataError: where a cell holds several choices, or regions of several classes.
    """
    keys = list(dict.fromkeys(key for record in records for key in record))
    values = {key: [record.get(key) for record in records] for key in keys}
    nested = [key for key, cells in values.items() if any(map(_is_unreadable, cells))]
    columns = {clean(key): cells for key, cells in values.items() if key not in nested}
    return Table(
        columns=_as_texts(columns, lines, line_word, path),
        lines=lines,
        line_word=line_word,
        unreadable=tuple(nested),
    )


def with_json_cells(columns: dict[str, list[str]], lines: list[int], path: Path) -> dict[str, Any]:
    """Columns of a CSV file whose cells may hold Label Studio's JSON, as texts.

    Raises what `records_table` raises.
    """
    if not any(cell.startswith(_JSON_CELLS) for cells in columns.values() for cell in cells):
        return columns
    parsed = {name: [_parsed(cell) for cell in cells] for name, cells in columns.items()}
    return _as_texts(parsed, lines, "line", path)


def _parsed(cell: str) -> Any:
    if not cell.startswith(_JSON_CELLS):
        return cell
    try:
        value = parse_json(cell)
    except DocumentError:
        return cell
    return cell if short_cell(value) is None else value


def _as_texts(
    columns: Mapping[str, Sequence[Any]], lines: list[int], line_word: str, path: Path
) -> dict[str, list[str]]:
    """The texts of cells, of choices and regions their class; with `bbox` where there are any.

    Raises:
        DataError: where a cell has several classes.
    """
    texts: dict[str, list[str]] = {}
    boxed = False
    for name, values in columns.items():
        chosen = [short_cell(value) for value in values]
        pairs = list(zip(values, chosen, strict=True))
        regions = any(isinstance(value, list) and given is not None for value, given in pairs)
        boxed = boxed or regions
        labels = {
            f"{line_word} {line}": set(given or ())
            for line, given in zip(lines, chosen, strict=True)
        }
        check_one_label(labels, boxed=regions, path=path)
        texts[name] = [
            as_text(value if given is None else min(given, default="")) for value, given in pairs
        ]
    return {**texts, "bbox": ["yes"] * len(lines)} if boxed else texts


def _is_unreadable(value: object) -> bool:
    return _is_nested(value) and short_cell(value) is None


def _is_nested(value: object) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, Mapping) for each in value)
    return isinstance(value, Mapping)
