"""docs/data.md: each row of its table of everything names a test, and every test named is there."""

from __future__ import annotations

import re

from tests.surface.test_promises import NAMED, ROOT, functions

PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## Everything at a glance")[2].partition("\n## ")[0]
ROWS = [line for line in TABLE.splitlines() if re.match(r"\| (?!data |---|\*\*)", line)]


def test_each_row_names_a_test_that_exists() -> None:
    assert len(ROWS) >= 50
    for row in ROWS:
        data, does, written_by, test = (cell.strip() for cell in row.strip("| ").split(" | "))
        assert all((data, does, written_by)), row
        ((file, name),) = NAMED.findall(test)
        assert name in functions(ROOT / file), f"{file}::{name} is not there"


def test_every_kind_of_source_and_published_layout_has_a_row() -> None:
    from nunbit.data.sources.published.registry import LAYOUTS

    named = " ".join(ROWS)
    assert all(layout.name in named for layout in LAYOUTS)
