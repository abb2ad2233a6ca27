"""Every lab runs in seconds, its solutions are right, and it leaves a page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nunbit_labs.course import lab_file, lab_names
from nunbit_labs.lesson import read_lesson
from nunbit_labs.publish import publish
from nunbit_labs.runner import run_lesson

pytestmark = pytest.mark.labs
MAX_PAGE_BYTES = 5_000_000


class Page(HTMLParser):
    """Ids, images without description, and addresses that would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.bare: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "id" in given:
            self.ids.append(str(given["id"]))
        if tag == "img" and not given.get("alt"):
            self.bare.append(tag)
        if tag in ("script", "link", "iframe"):
            self.fetched.append(tag)
        if tag == "img" and not str(given.get("src")).startswith("data:"):
            self.fetched.append(str(given.get("src")))


@pytest.mark.parametrize("name", lab_names())
def test_a_lab_runs_and_its_pages_stand_alone(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_lesson(read_lesson(name), quick=True)
    assert set(done.result.checks.values()) == {"open"}
    for path in publish(done).values():
        text = path.read_text(encoding="utf-8")
        assert len(text) < MAX_PAGE_BYTES
        page = Page(text)
        assert page.bare == page.fetched == []
        assert len(page.ids) == len(set(page.ids))
        # A formula or a cell's heading that was not understood shows as it was written.
        assert not re.search(r"\$\$|\\\(|^## ", text, re.MULTILINE)


@pytest.mark.parametrize("name", lab_names())
def test_the_worked_solutions_are_right(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_lesson(read_lesson(name, solved=True), quick=True)
    lesson = read_lesson(name)
    assert done.result.checks == {cell.exercise: "right" for cell in lesson.cells if cell.exercise}
    publish(done)


@pytest.mark.parametrize("name", lab_names())
def test_a_lab_runs_as_a_plain_script(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(lab_file(name)), "--quick"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "not answered yet" in done.stdout
