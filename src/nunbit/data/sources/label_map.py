"""A label map renames classes without touching the files: old name to new name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from nunbit.data.csv_io import read_table
from nunbit.data.sources.class_names import check_unicode, clean, in_order
from nunbit.documents import read_json
from nunbit.errors import ConfigError, DataError
from nunbit.formatting import examples
from nunbit.suggest import suggest

MAX_BYTES = 16 * 2**20
"""Size of a label map: room for more classes than anybody has."""
HEADERS = frozenset(
    {("old", "new"), ("old name", "new name"), ("from", "to"), ("name", "new name")}
)
"""First rows of a CSV map, in lower case, that name its columns."""


def read_label_map(path: Path) -> dict[str, str]:
    """Old name to new name, both cleaned like class names.

    Accepts a JSON object or a CSV table of two columns. Raises ConfigError for a file that
    is neither, for an empty name and for an old name with two new ones.
    """
    if not path.is_file():
        raise ConfigError("no such label map", path=path)
    pairs = _json_pairs(path) if path.suffix.lower() == ".json" else _table_pairs(path)
    label_map: dict[str, str] = {}
    for old, new in ((clean(old), clean(new)) for old, new in pairs):
        check_unicode((old, new), what="name in the label map", location=str(path))
        if not old or not new:
            raise ConfigError(
                f"the label map has an empty name: '{old}' to '{new}'",
                path=path,
                remedy="give both names, or delete the entry",
            )
        if label_map.setdefault(old, new) != new:
            raise ConfigError(
                f"the label map gives '{old}' two new names: '{label_map[old]}' and '{new}'",
                path=path,
            )
    if not label_map:
        raise ConfigError("the label map is empty", path=path)
    return label_map


def _json_pairs(path: Path) -> list[tuple[str, str]]:
    wanted = 'write an object such as {"cane": "dog", "gatto": "cat"}'
    try:
        pairs = read_json(path, max_bytes=MAX_BYTES, pairs=list)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the label map is not JSON: {error}", path=path, remedy=wanted
        ) from error
    if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
        raise ConfigError("the label map is not an object of names", path=path, remedy=wanted)
    return [(old, str(new)) for old, new in pairs]


def _is_pair(pair: object) -> bool:
    # JSON objects arrive as lists of pairs, so that an old name given twice is seen.
    if not isinstance(pair, tuple):
        return False
    return isinstance(pair[1], str | int) and not isinstance(pair[1], bool)


def _table_pairs(path: Path) -> list[tuple[str, str]]:
    try:
        rows = read_table(path)
    except DataError as error:
        raise ConfigError(error.what, path=path, remedy=error.remedy) from error
    for line, cells in rows:
        if len(cells) != 2:
            raise ConfigError(
                f"line {line} of the label map has {len(cells)} columns, not two",
                path=path,
                remedy="write the old name and the new name, separated by a comma",
            )
    pairs = [(cells[0], cells[1]) for _, cells in rows]
    if pairs and (clean(pairs[0][0]).lower(), clean(pairs[0][1]).lower()) in HEADERS:
        return pairs[1:]
    return pairs


def apply_label_map(
    names: Sequence[str], label_map: Mapping[str, str], *, path: Path
) -> tuple[list[str], list[str]]:
    """[R] new name of each cleaned name, and remarks.

    All entries act at once, so two names can be swapped. Raises ConfigError for an entry that
    names no class.
    """
    known = {name for name in names if name}
    for old in label_map:
        if old not in known:
            raise ConfigError(
                f"the label map names a class that is not there: '{old}'",
                path=path,
                remedy=suggest(old, sorted(known), form="'{}'")
                or f"the classes are {examples(in_order(known), max_shown=20)}",
            )
    renamed = [label_map.get(name, name) for name in names]
    sources = defaultdict(set)
    for name, new in zip(names, renamed, strict=True):
        sources[new].add(name)
    notes = [
        f"the label map makes one class '{new}' of {examples(sorted(olds), max_shown=20)}"
        for new, olds in sorted(sources.items())
        if len(olds) > 1
    ]
    kept = in_order(known - set(label_map))
    if kept:
        notes.append(f"the label map does not name {examples(kept)}: kept as it is")
    return renamed, notes
