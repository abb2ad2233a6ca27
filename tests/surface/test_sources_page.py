"""Page, help and messages name all kinds of DATA, because they come from the sources themselves."""

from __future__ import annotations

import runpy

import pytest

from nunbit import cli
from nunbit.data.sources import SOURCES, accepted_data, load_samples
from nunbit.errors import DataError
from tests.surface.readme import ROOT


def test_the_page_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "write_sources.py"))
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    assert script["page"](text) == text, "run scripts/write_sources.py"


def test_the_help_names_all_kinds_of_data() -> None:
    words = " ".join((cli.nunbit.__doc__ or "").split())
    assert f"DATA is {accepted_data()}" in words


def test_a_message_names_all_kinds_of_data() -> None:
    with pytest.raises(DataError) as failure:
        load_samples("no such place")
    assert all(source.form in failure.value.remedy for source in SOURCES)
