"""Labels of a table as class names: numbers with names, no label, several labels in one cell."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from nunbit.data.sources.class_names import clean
from nunbit.data.sources.tables.cells import Table
from nunbit.data.sources.tables.columns import Columns
from nunbit.errors import DataError
from nunbit.formatting import count

SEPARATORS = ("|", ";", ",")
"""Characters between several labels of one cell."""


def read_labels(
    table: Table, columns: Columns, path: Path, *, renamed: bool
) -> tuple[list[str], list[str]]:
    """[N] class name of each row, '' for none, and remarks; `renamed` is true with a label map.

    Raises:
        DataError: where cells hold several labels, or a number that has no name.
    """
    if columns.one_hot:
        yes = {"1", "1.0", "true"}
        cells = [table.columns[name] for name in columns.one_hot]
        rows = zip(*cells, strict=True)
        return [
            next(
                (
                    name
                    for name, cell in zip(columns.one_hot, row, strict=True)
                    if cell.strip().lower() in yes
                ),
                "",
            )
            for row in rows
        ], []
    column = columns.chosen["label"]
    labels = [clean(cell) for cell in table.columns[column]]
    labels, notes = _without_minus_one(labels)
    if column in table.class_names:
        return _named(labels, table.class_names[column], column, path), notes
    if not renamed:
        check_single_labels(labels, path)
    return labels, notes


def _without_minus_one(labels: list[str]) -> tuple[list[str], list[str]]:
    """−1 beside 0, 1, … says that there is no label."""
    values = Counter(labels)
    numbers = {label for label in values if label} - {"-1"}
    if "-1" not in values or len(numbers) < 2 or not all(n.isdecimal() for n in numbers):
        return labels, []
    note = f"label −1 is read as no label: {count(values['-1'], 'row')} of {len(labels):,}"
    return ["" if label == "-1" else label for label in labels], [note]


def _named(labels: list[str], names: tuple[str, ...], column: str, path: Path) -> list[str]:
    named = []
    for row, label in enumerate(labels, start=1):
        if label == "":
            named.append("")
        elif label.isdecimal() and int(label) < len(names):
            named.append(clean(names[int(label)]))
        else:
            raise DataError(
                f"row {row} has the label {label} in column '{column}', which names "
                f"{len(names)} classes only",
                path=path,
            )
    return named


def check_single_labels(labels: list[str], path: Path) -> None:
    """Refuse cells such as `Effusion|Mass`, whose pieces are labels of their own elsewhere.

    Raises:
        DataError: naming one of them.
    """
    values = Counter(label for label in labels if label)
    for separator in SEPARATORS:
        pieces = {v: {p.strip() for p in v.split(separator)} for v in values if separator in v}
        elsewhere = Counter(piece for found in pieces.values() for piece in found)
        several = [
            value
            for value, found in pieces.items()
            if len(found) > 1 and any(p in values or elsewhere[p] > 1 for p in found if p)
        ]
        if several:
            _raise_several(several, values, len(labels), path)
    # With blanks, a name of two words is likelier: both pieces must speak for themselves.
    tails: Counter[str] = Counter()
    for value in values:
        head, _, tail = value.partition(" ")
        if tail and head in values:
            tails[tail] += 1
    several = [v for v in values if (p := v.partition(" "))[0] in values and tails[p[2]] > 1]
    if several:
        _raise_several(several, values, len(labels), path)


def _raise_several(several: list[str], values: Counter[str], rows: int, path: Path) -> None:
    number = sum(values[value] for value in several)
    raise DataError(
        f"{number:,} of {count(rows, 'row')} {'has' if number == 1 else 'have'} several labels in "
        f"one cell, e.g. '{several[0]}': nunbit gives each image one class",
        path=path,
        remedy="keep one label in each row, or leave such rows without one; where these are "
        "classes of their own, name them with --label-map",
    )
