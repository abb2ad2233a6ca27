"""Use of each column of a table: by the user's word, by its name, or by what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nunbit.data.sources.part_names import part_of
from nunbit.data.sources.raw_samples import SourceOptions
from nunbit.data.sources.tables.cells import Table
from nunbit.data.sources.tables.files import FileFinder
from nunbit.errors import ConfigError, DataError
from nunbit.formatting import examples
from nunbit.suggest import suggest

COLUMNS: dict[str, tuple[str, ...]] = {
    "path": ("path", "file", "filename", "file_name", "image"),
    "label": ("label", "class", "target"),
    "split": ("split", "part", "set"),
    "group": ("group",),
    "reason": ("reason",),
}
"""Purposes of columns, and the names that mean them, best first; case does not matter."""
MORE_LABELS = (
    *("labels", "class_name", "classname", "label_name", "category", "species", "breed", "dx"),
    *("diagnosis", "target_name", "choice", "category_name", "class_label", "answer"),
)
"""Other names of the labels' column, taken where none of the first is there."""
PART_COLUMNS = {
    **dict.fromkeys(("is_valid", "is_val", "is_validation", "valid", "val"), "validation"),
    **dict.fromkeys(("is_test", "test"), "test"),
    **dict.fromkeys(("is_train", "is_training", "train"), "train"),
}
"""Columns of true and false, and the part that true means."""
TRUE, FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})
SAMPLED = 40
"""Cells of a column that are looked up as files."""
MIN_NAMED = 0.5
"""Fraction of them that must name files for the column to be taken by its content."""


@dataclass(kw_only=True)
class Columns:
    """Use to column name, and what there is to say about it."""

    chosen: dict[str, str]
    one_hot: tuple[str, ...] = ()
    """Columns of 0 and 1 that together are the label."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Word in the column `split` to part, where they are not words of parts."""
    notes: list[str] = field(default_factory=list)

    @property
    def used(self) -> set[str]:
        """Columns that have a use, and names that could have had it, in lower case."""
        words = {word for use in self.chosen for word in COLUMNS[use]}
        return {name.lower() for name in (*self.chosen.values(), *self.one_hot)} | words


def choose_columns(table: Table, path: Path, finder: FileFinder, options: SourceOptions) -> Columns:
    """Find the columns.

    Raises:
        DataError: where there is none for the path or the label.
        ConfigError: where the user names one that is not there.
    """
    columns = Columns(chosen={})
    for use, words in COLUMNS.items():
        fitting = [name for word in words for name in table.columns if name.lower() == word]
        if fitting:
            columns.chosen[use] = fitting[0]
        if len(fitting) > 1:
            columns.notes.append(
                f"the {use} is read from column '{fitting[0]}', not {examples(fitting[1:])}"
            )
    _choose_path(columns, table, path, finder, options.path_column)
    _choose_split(columns, table)
    _choose_label(columns, table, path, finder, options.label_column)
    return columns


def named_column(table: Table, wanted: str, option: str) -> str:
    """The column that an option names, whatever its case. Raises ConfigError."""
    for name in table.columns:
        if name.lower() == wanted.strip().lower():
            return name
    raise ConfigError(
        f"the table has no column '{wanted}' for {option}; its columns are "
        f"{examples(table.columns, max_shown=20)}",
        remedy=suggest(wanted, table.columns, form="'{}'") or "name one of them",
    )


def _choose_path(
    columns: Columns, table: Table, path: Path, finder: FileFinder, wanted: str | None
) -> None:
    if wanted is not None:
        columns.chosen["path"] = named_column(table, wanted, "--path-column")
        return
    if table.image_column is not None:
        columns.chosen["path"] = table.image_column
        return
    named = columns.chosen.get("path")
    if named is not None and (_named(table.columns[named], finder)):
        return
    fractions = {name: _named(cells, finder) for name, cells in table.columns.items() if name}
    best = max(fractions, key=lambda name: fractions[name], default="")
    if named is not None and (not best or fractions[best] < MIN_NAMED):
        return  # its files are missing, and the error says so
    if not best or fractions[best] < MIN_NAMED:
        _raise_no_column("path", table, path, finder)
    if table.has_header and _named([best], finder):
        raise DataError(
            f"the first line looks like data: '{best}' is one of the files",
            path=path,
            remedy="add --no-header where no line names the columns",
        )
    columns.chosen["path"] = best
    columns.notes.append(f"column '{best}' names the images: most of its cells are files")


def _named(cells: list[str], finder: FileFinder) -> float:
    """Fraction of some of the cells that name files."""
    filled = [cell for cell in cells if cell.strip()]
    some = filled[:: max(1, len(filled) // SAMPLED)]
    if not some:
        return 0.0
    before = len(finder.by_name)
    found = sum(not finder.locate(cell, place="")[1] for cell in some)
    del finder.by_name[before:]
    return found / len(some)


def _raise_no_column(use: str, table: Table, path: Path, finder: FileFinder) -> None:
    bytes_in = f"; {examples(table.unreadable)} holds no text" if table.unreadable else ""
    what = (
        f"the table has no column for the {use}; its columns are "
        f"{examples(table.columns, max_shown=20)}{bytes_in}"
    )
    if table.has_header and any(_named([name], finder) for name in table.columns if name):
        raise DataError(what, path=path, remedy="the first line looks like data: add --no-header")
    image_root = "; where the images lie elsewhere, add --image-root DIR" if use == "path" else ""
    raise DataError(
        what,
        path=path,
        remedy=f"name it with --{use}-column, or call it {' or '.join(COLUMNS[use])}{image_root}",
    )


def _choose_split(columns: Columns, table: Table) -> None:
    """Take a column whose cells are words of parts, or that says of one part yes or no."""
    if "split" in columns.chosen:
        return
    taken = set(columns.chosen.values())
    for name, cells in table.columns.items():
        values = {cell.strip().lower() for cell in cells} - {""}
        if name in taken or not values:
            continue
        parts = {part_of(value) for value in values}
        if None not in parts and len(parts) > 1:
            columns.chosen["split"] = name
        elif name.lower() in PART_COLUMNS and values <= TRUE | FALSE and len(values) > 1:
            yes = PART_COLUMNS[name.lower()]
            other = "test" if yes == "train" else "train"
            columns.parts = {**dict.fromkeys(TRUE, yes), **dict.fromkeys(FALSE, other)}
            columns.chosen["split"] = name
        else:
            continue
        columns.notes.append(f"column '{name}' says the parts")
        return


def _choose_label(
    columns: Columns, table: Table, path: Path, finder: FileFinder, wanted: str | None
) -> None:
    if wanted is not None:
        columns.chosen["label"] = named_column(table, wanted, "--label-column")
        return
    if "label" in columns.chosen:
        return
    lower = {name.lower(): name for name in table.columns}
    by_name = [lower[word] for word in MORE_LABELS if word in lower]
    if by_name:
        columns.chosen["label"] = by_name[0]
        columns.notes.append(f"the label is read from column '{by_name[0]}'")
        return
    others = [name for name in table.columns if name and name not in columns.chosen.values()]
    if one_hot := _one_hot(table, others, path):
        columns.one_hot = one_hot
        columns.notes.append(f"one column for each class is read: {examples(one_hot)}")
        return
    if len(others) == 1:
        columns.chosen["label"] = others[0]
        columns.notes.append(f"the label is read from column '{others[0]}', the only one left")
        return
    _raise_no_column("label", table, path, finder)


def _one_hot(table: Table, names: Iterable[str], path: Path) -> tuple[str, ...]:
    """Columns of 0 and 1 that are the label together; none where there are no such columns.

    Raises:
        DataError: where rows have several ones.
    """
    yes = {"1", "1.0", "true"}
    binary = [
        name
        for name in names
        if name.lower() not in PART_COLUMNS
        and {cell.strip().lower() for cell in table.columns[name]} <= yes | {"0", "0.0", "false"}
    ]
    if len(binary) < 2:
        return ()
    cells = [[cell.strip().lower() in yes for cell in table.columns[name]] for name in binary]
    sums = [sum(row) for row in zip(*cells, strict=True)]
    several = [line for line, ones in zip(table.lines, sums, strict=True) if ones > 1]
    if several:
        raise DataError(
            f"{len(several):,} of {len(sums):,} rows have a 1 in several of the columns "
            f"{examples(binary)}, e.g. {table.line_word} {several[0]}: nunbit gives each image one "
            "class",
            path=path,
            remedy="name the column that tells one class with --label-column, or make one",
        )
    return tuple(binary) if any(sums) else ()
