"""docs/python.md: its examples run as they stand, and it names everything that is public."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
from PIL import Image

import nunbit
from tests.fixtures_data import write_images
from tests.surface.readme import FENCE, ROOT

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def test_every_public_name_is_on_the_page() -> None:
    named = set(re.findall(r"\w+", PAGE))
    assert set(nunbit.__all__) - {"__version__"} <= named


@pytest.mark.slow  # two trainings
def test_the_examples_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path / "photos", {"cat": 24, "dog": 24}, size=(16, 16))
    for name in ("new.jpg", "other.jpg"):
        Image.new("RGBA", (20, 10), (200, 10, 10, 128)).convert("RGB").save(tmp_path / name)
    (tmp_path / "damaged.jpg").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for language, block in FENCE.findall(PAGE):
            assert language == "python"
            exec(block, names)
    lines = printed.getvalue().splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["new.jpg", "damaged.jpg", "other.jpg"]
    assert "cannot be used" in lines[1]
    assert names["name"] in ("cat", "dog")
    assert (tmp_path / "comparison.html").is_file()
    assert (tmp_path / "runs" / "first" / "report.html").is_file()
