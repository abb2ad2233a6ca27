"""Tables beside folders of images: where they name other classes, folders are not classes."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from nunbit.data.sources.class_names import clean
from nunbit.data.sources.layouts.chosen import NONE
from nunbit.data.sources.layouts.layout import Layout
from nunbit.data.sources.layouts.tree import Tree
from nunbit.data.sources.tables.cells import Table
from nunbit.data.sources.tables.columns import COLUMNS, MORE_LABELS
from nunbit.data.sources.tables.content import read_content
from nunbit.errors import DataError
from nunbit.formatting import count

ENDINGS = (".csv", ".tsv", ".jsonl")
MAX_BYTES = 64 * 2**20
"""A larger table is not read only to be compared."""
MIN_NAMED = 0.5
"""Rows of a table that must name an image for it to be about them."""
MIN_AGREEING = 0.5
"""Fraction of these: fewer with the name of their folder as class mean that the folders are not
classes."""


def check_tables(path: Path, tree: Tree, layout: Layout) -> None:
    """Refuse folders as classes where a table beside them says other classes of their images.

    Raises:
        DataError: naming the table.
    """
    beside = [f for f in tree.listing.files if "/" not in f.path and f.path.endswith(ENDINGS)]
    if not beside or layout.chosen or not tree.listing.on_disk:
        return
    classes = {}
    for found, folder in zip(tree.listing.files, tree.folders_of_files, strict=True):
        name = layout.place(folder).name
        if name is not None:
            stem = found.path.rpartition("/")[2].rpartition(".")[0]
            classes[stem] = clean(name).casefold()
    for table in beside:
        try:
            if table.reason or table.file.stat().st_size > MAX_BYTES:
                continue
            content = read_content(table.file, header=True)
        except (OSError, DataError):  # whatever it is, it is not about classes
            continue
        said = _classes_of(content, classes)
        agreeing = sum(label == classes[stem] for stem, label in said.items())
        if said and agreeing < MIN_AGREEING * len(said):
            raise DataError(
                f"the table '{table.path}' gives {count(len(said), 'image')} other classes than "
                "the names of their folders",
                path=path,
                remedy=f"give '{table.file}'; or, where the folders are the classes, add --parts "
                f"{NONE}",
            )


def _classes_of(table: Table, images: dict[str, str]) -> dict[str, str]:
    """Stem of each image that the table names to the class that it gives, '' columns left out."""
    lower = {name.lower(): name for name in table.columns}
    label = next((lower[w] for w in (*COLUMNS["label"], *MORE_LABELS) if w in lower), None)
    if label is None:
        return {}
    for name, cells in table.columns.items():
        stems = [_stem(cell, images) for cell in cells]
        if name != label and sum(stem in images for stem in stems) >= MIN_NAMED * len(stems) > 0:
            pairs = zip(stems, table.columns[label], strict=True)
            return {s: clean(cell).casefold() for s, cell in pairs if s in images and cell.strip()}
    return {}


def _stem(written: str, images: dict[str, str]) -> str:
    name = PureWindowsPath(written.strip()).name
    return name if name in images else name.rpartition(".")[0]
