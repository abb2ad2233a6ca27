"""The page on the architecture shows the rules as they are."""

from __future__ import annotations

import runpy

from tests.surface.readme import ROOT

SCRIPT = runpy.run_path(str(ROOT / "scripts" / "write_architecture.py"))
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_picture_is_that_of_the_import_rules() -> None:
    picture = SCRIPT["PICTURE"].read_text(encoding="utf-8")
    assert picture == SCRIPT["picture"](), "run scripts/write_architecture.py"
    assert "(images/architecture.svg)" in PAGE


def test_the_page_says_what_each_module_does() -> None:
    (layers,) = (
        rule["layers"] for rule in SCRIPT["layer_rules"]() if "nunbit" in rule["containers"]
    )
    modules = {name for layer in layers for name in SCRIPT["modules_of"](layer)}
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert {name.strip(" `") for row in rows for name in row.split(",")} == modules
