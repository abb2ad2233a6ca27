"""CONTRIBUTING.md is followed as a newcomer would: in a copy of the source, line by line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.surface.readme import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| ") and "src/nunbit" in line
]
OPERATION = '''
"""Negatives."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor

from nunbit.data.augment.operation import Operation


@dataclass(frozen=True, kw_only=True)
class Negative(Operation):
    """Black becomes white."""

    name: ClassVar[str] = "negative"

    def change(self, images: Tensor, generator: Generator) -> Tensor:
        return 255 - images
'''
SECTION = '''
"""How many images were right."""

from markupsafe import Markup

from nunbit.reports.kit import Section
from nunbit.reports.run.run_result import RunResult


def right(report: RunResult) -> Section:
    """One sentence."""
    number = int((report.predictions.predicted == report.predictions.labels).sum())
    body = Markup("<p>{} were right.</p>").format(number)
    return Section(name="right", title="A section of one's own", body=body)
'''


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe[0])
def test_every_file_and_name_of_the_table_exists(recipe: list[str]) -> None:
    _, _, line, test = recipe
    for path in re.findall(r"`((?:src|tests)/[^`]*)`", " ".join(recipe)):
        assert (ROOT / path).exists(), path
    assert re.search(r"def test_", "".join(_texts(ROOT / test.strip("`"))))
    if registry := re.match(r"`(\w+)` in `(.*)`", line):
        name, path = registry.groups()
        text = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^(class )?{name}\b", text, flags=re.MULTILINE), line


def test_targets_of_make_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make ([a-z-]+)", PAGE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source with an augmentation and a section of the report more."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "src" / "nunbit", folder / "nunbit")
    package = folder / "nunbit"

    (package / "data" / "augment" / "negative.py").write_text(OPERATION, encoding="utf-8")
    registry = package / "data" / "augment" / "registry.py"
    add_line(registry, "    for kind in (", "        Negative,")
    add_line(
        registry, "from typing import Any", "from nunbit.data.augment.negative import Negative"
    )

    reports = package / "reports" / "run"
    (reports / "sections" / "right.py").write_text(SECTION, encoding="utf-8")
    add_line(reports / "page.py", "SECTIONS", "    right,")
    importing = "from nunbit.reports.run.sections.right import right"
    add_line(reports / "page.py", "from collections.abc import Callable", importing)
    return folder


def test_what_was_added_is_part_of_a_run(copy: Path) -> None:
    (copy / "negative.toml").write_text(
        'assumption = "ink may be white"\n[[operations]]\nname = "negative"\n', encoding="utf-8"
    )
    options = ["--augment", "negative.toml", "--epochs", "1", "--out", "run"]
    nunbit(copy, "train", "digits", *options)
    report = (copy / "run" / "report.html").read_text(encoding="utf-8")
    assert "A section of one's own" in report.replace("&#39;", "'")
    assert re.search(r"<p>\d+ were right.</p>", report)


def nunbit(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nunbit", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def add_line(file: Path, after: str, line: str) -> None:
    """Behind the only line that begins with `after`."""
    lines = file.read_text(encoding="utf-8").splitlines()
    (place,) = (number for number, text in enumerate(lines) if text.startswith(after))
    lines.insert(place + 1, line)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _texts(path: Path) -> Iterator[str]:
    for file in [path] if path.is_file() else sorted(path.glob("*.py")):
        yield file.read_text(encoding="utf-8")
