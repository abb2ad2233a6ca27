from __future__ import annotations

import pytest
from markupsafe import Markup

from nunbit.reports.kit.tables import stack_tables
from tests.reports.run.page import Page

HEAD = (
    '<thead><tr><th scope="col">Class</th><th scope="col" colspan="2">Recall</th>'
    '<th scope="col">a &lt; &quot;b&quot;</th></tr></thead>'
)
ROWS = '<tbody><tr><th scope="row">ant</th><td class="bar"></td><td>0.5</td><td>1</td></tr></tbody>'


def table(kind: str = "", *, head: str = HEAD, box: str = '<div class="scroll tall">') -> Markup:
    return Markup(f"{box}\n<table{kind}>{head}{ROWS}</table></div>")


def test_each_cell_has_the_name_of_its_column() -> None:
    page = Page(str(stack_tables(table())))
    assert [e.attributes["class"] for e in page.all("table")] == ["stacks"]
    assert [e.attributes["data-label"] for e in page.all("td")] == ["Recall", "Recall", 'a < "b"']
    assert page.all("td")[0].attributes["class"] == "bar"
    assert "data-label" not in page.all("th")[3].attributes


@pytest.mark.parametrize(
    "left_alone",
    [
        table(' class="matrix short"'),
        table(head='<thead><tr><th scope="col">Part</th><th>n</th></tr></thead>'),
        table(head=""),
        table(box="<div>"),
    ],
)
def test_a_matrix_and_a_narrow_table_stay_as_they_are(left_alone: Markup) -> None:
    assert stack_tables(left_alone) == left_alone


def test_a_table_keeps_its_own_kinds() -> None:
    page = Page(str(stack_tables(table(' class="slices"'))))
    assert page.all("table")[0].attributes["class"] == "slices stacks"
