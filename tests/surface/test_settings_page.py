"""The page of settings is the configuration's own."""

from __future__ import annotations

import runpy

from tests.surface.readme import ROOT


def test_the_page_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "write_settings.py"))
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == script["page"](), "run scripts/write_settings.py"


def test_every_setting_has_a_meaning() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert all(line.split("|")[3].strip() for line in rows)
