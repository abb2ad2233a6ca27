"""What holds of every lab, as it is written."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import jupytext
import pytest

from nunbit_labs.course import (
    lab_file,
    lab_names,
    solution_file,
    solution_translation_file,
    translation_file,
)
from nunbit_labs.lesson import Cell, read_lesson, read_percent, read_texts
from tests.surface.readme import ROOT

CODE_SPAN = re.compile(r"`[^`\n]+`")
FORMULA = re.compile(r"\$\$?[^$]+\$\$?")
HEADING = re.compile(r"^#+ ", re.MULTILINE)
HANGUL = re.compile(r"[가-힣]")
MAX_EXERCISES = 4


def texts(cells: tuple[Cell, ...]) -> list[str]:
    return [cell.source for cell in cells if cell.kind == "text"]


def pairs(name: str) -> list[tuple[str, str]]:
    """Each text cell of a lab and its solutions, with its counterpart."""
    cells, _ = read_percent(lab_file(name))
    answers, _ = read_percent(solution_file(name))
    return [
        *zip(texts(cells), read_texts(translation_file(name, "ko")), strict=True),
        *zip(texts(answers), read_texts(solution_translation_file(name, "ko")), strict=True),
    ]


def test_every_file_belongs_to_a_lab() -> None:
    names = set(lab_names())
    assert {path.stem for path in (ROOT / "labs").glob("*.py")} == names
    for folder, ending in (("ko", "md"), ("solutions", "py"), ("ko/solutions", "md")):
        found = {path.stem for path in (ROOT / "labs" / folder).glob(f"*.{ending}")}
        assert found == names, folder


def test_the_wheel_carries_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"labs": "nunbit_labs/labs"}


@pytest.mark.parametrize("name", lab_names())
def test_both_languages_have_the_same_code_and_the_same_parts(name: str) -> None:
    english, korean = read_lesson(name), read_lesson(name, "ko")
    assert [cell for cell in english.cells if cell.kind == "code"] == [
        cell for cell in korean.cells if cell.kind == "code"
    ]
    assert english.number == korean.title[:2] == english.title[:2]
    for one, other in pairs(name):
        assert HANGUL.search(other), other
        assert not HANGUL.search(one), one
        for pattern in (CODE_SPAN, FORMULA, HEADING):
            assert Counter(pattern.findall(one)) == Counter(pattern.findall(other)), (one, other)
        for sign in ("<details>", "</details>", "\n> ", "```"):
            assert one.count(sign) > 0 or other.count(sign) == 0, (sign, other)
        assert one.count("<details>") == other.count("<details>")
        assert one.count("](") == other.count("](")  # links and pictures


@pytest.mark.parametrize("name", lab_names())
def test_a_lab_has_the_form_of_the_course(name: str) -> None:
    lesson = read_lesson(name)
    assert lesson.minutes > 0
    assert 0 < lesson.quick_seconds <= 60
    exercises = [cell.exercise for cell in lesson.cells if cell.exercise]
    assert 2 <= len(set(exercises)) == len(exercises) <= MAX_EXERCISES
    words = "\n".join(texts(lesson.cells))
    assert "> **Predict first.**" in words
    assert words.count("<details>") >= words.count("> **Predict first.**")
    assert f"nunbit lab {lesson.number} --solution" in words
    for cell in lesson.cells[1:]:
        # A heading in the middle of a cell would stand within the part before it.
        assert not re.search(r"\n##? ", cell.source) or cell.kind == "code"
    code = "\n".join(cell.source for cell in lesson.cells if cell.kind == "code")
    assert f'lab = open_lab("{name}")' in code
    assert "lab.check(" in code


@pytest.mark.parametrize("name", lab_names())
def test_a_lab_uses_public_names_only(name: str) -> None:
    text = lab_file(name).read_text(encoding="utf-8")
    modules = set(re.findall(r"^\s*(?:from|import) (nunbit[\w.]*)", text, re.MULTILINE))
    assert modules <= {"nunbit", "nunbit_labs"}
    assert not re.search(r"nunbit\._|lab\._", text)


@pytest.mark.parametrize("name", lab_names())
def test_a_lab_becomes_a_notebook_with_the_same_code(name: str, tmp_path: Path) -> None:
    notebook = jupytext.read(lab_file(name), fmt="py:percent")
    target = tmp_path / f"{name}.ipynb"
    jupytext.write(notebook, target)
    code = [cell.source for cell in jupytext.read(target).cells if cell.cell_type == "code"]
    assert code == [cell.source for cell in read_lesson(name).cells if cell.kind == "code"]
