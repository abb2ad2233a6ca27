"""Columns that nothing is read from and that yet tell what may spoil a result."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from nunbit.data.sources.tables.cells import Table
from nunbit.data.sources.tables.columns import Columns
from nunbit.formatting import count, examples

_GROUP = re.compile(
    r"patient|subject|case|slide|animal|mouse|mice|rat|dog_?id|person|participant|individual|donor"
    r"|specimen|biopsy|wsi|study|series|lesion|video|clip|session|sequence|scene|burst|volunteer"
    r"|plate|well|host|writer|speaker|owner|pid|user|camera_?trap|location|plot|plant|tree",
    re.IGNORECASE,
)
_FOLD = re.compile(r"(?:cv|k)?[_ -]*folds?(?:[_ -]*(?:id|no|nr|number|index))?", re.IGNORECASE)
_PART = re.compile(
    r"is_\w+|dataset|data_?set|subset|phase|partition|usage|split\w*|stage|cohort", re.IGNORECASE
)
_BOXES = (
    {"xmin", "ymin", "xmax", "ymax"},
    {"x1", "y1", "x2", "y2"},
    {"x", "y", "w", "h"},
    {"x", "y", "width", "height"},
    {"x_min", "y_min", "x_max", "y_max"},
    {"bbox"},
    {"box"},
    {"bboxes"},
)


def column_warnings(table: Table, columns: Columns) -> Iterator[str]:
    """Warnings about groups, folds, parts and boxes that are not used."""
    used = columns.used
    unused = {name: cells for name, cells in table.columns.items() if name.lower() not in used}
    yield from _boxes(unused)
    has_groups = "group" in columns.chosen
    for name, cells in unused.items():
        values = Counter(cell.strip() for cell in cells if cell.strip())
        if len(values) < 2 or len(values) == sum(values.values()):
            continue
        if _FOLD.fullmatch(name):
            yield (
                f"column '{name}' names {count(len(values), 'fold')} and is not used: --group-from "
                f"'{name}' keeps each of them in one part"
            )
        elif _GROUP.search(name) and not has_groups:
            several = sum(number > 1 for number in values.values())
            yield (
                f"column '{name}' tells what belongs together: {several:,} of {len(values):,} of "
                "its values have several images, which may stand on both sides of the split; "
                f"--group-from '{name}' keeps them together"
            )
        elif "split" not in columns.chosen and _PART.fullmatch(name) and len(values) <= 5:
            yield (
                f"column '{name}' may say the parts ({examples(sorted(values))}) and is not used: "
                "call its values train, validation and test, or give it with --group-from "
                f"'{name}' to keep each of them in one part"
            )


def _boxes(unused: dict[str, list[str]]) -> Iterator[str]:
    lower = {name.lower(): name for name in unused}
    for box in _BOXES:
        if box <= set(lower):
            named = examples(lower[word] for word in sorted(box))
            yield (
                f"the table has boxes ({named}): nunbit sees the whole image and gives it one "
                "class; to classify what is in the boxes, cut them out first"
            )
            return
