from __future__ import annotations

from pathlib import Path

import pytest

from nunbit.errors import DataError, UsageError
from nunbit_labs.course import find_lab
from nunbit_labs.lesson import read_lesson
from tests.labs.small import LAB, NAME, SOLUTION, write_small_lab


def test_a_lab_is_read_with_its_cells_and_times(small_course: Path) -> None:
    lesson = read_lesson(NAME)
    assert (lesson.number, lesson.title) == ("07", "07 · A small lab")
    assert (lesson.minutes, lesson.quick_seconds) == (2, 3)
    assert [cell.kind for cell in lesson.cells] == ["text", "code", "text", "code", "code", "code"]
    assert [cell.hidden for cell in lesson.cells] == [False, False, False, True, False, False]
    assert [cell.exercise for cell in lesson.cells if cell.exercise] == ["sum"]


def test_another_language_has_its_own_text_and_the_same_code(small_course: Path) -> None:
    english, korean = read_lesson(NAME), read_lesson(NAME, "ko")
    assert korean.title == "07 · 작은 실습"
    assert korean.code_hash == english.code_hash
    for one, other in zip(english.cells, korean.cells, strict=True):
        assert one.kind == other.kind
        assert (one.source == other.source) == (one.kind == "code")


@pytest.mark.parametrize(("language", "words"), [("en", "Two and two."), ("ko", "2 더하기 2.")])
def test_a_solution_stands_in_the_exercise_s_place(
    small_course: Path, language: str, words: str
) -> None:
    lesson = read_lesson(NAME, language, solved=True)  # type: ignore[arg-type]
    assert [cell.source for cell in lesson.cells[4:6]] == [words, "answer = 2 + 2"]
    assert lesson.code_hash != read_lesson(NAME).code_hash


def test_a_missing_text_cell_is_told(small_course: Path) -> None:
    write_small_lab(small_course, korean="# 07 · 작은 실습\n")
    with pytest.raises(DataError, match="the translation has 1 text cells, the lab 2"):
        read_lesson(NAME, "ko")


def test_an_exercise_without_solution_is_told(small_course: Path) -> None:
    write_small_lab(small_course, solution=SOLUTION.replace("sum", "product"))
    with pytest.raises(DataError, match="without an exercise: product, sum"):
        read_lesson(NAME, solved=True)


def test_a_lab_begins_with_its_title(small_course: Path) -> None:
    write_small_lab(small_course, lab=LAB.replace("# # 07 · A small lab", "# A small lab"))
    with pytest.raises(DataError, match="begins with '# '"):
        read_lesson(NAME)


@pytest.mark.parametrize("text", ["7", "07", "small", "07_small", "07-small", "SMALL", "mal"])
def test_a_lab_is_found_by_number_and_name(small_course: Path, text: str) -> None:
    assert find_lab(text) == NAME


@pytest.mark.parametrize("text", ["8", "large", "_"])
def test_an_unknown_or_ambiguous_lab_is_told(small_course: Path, text: str) -> None:
    (small_course / "09_other.py").write_text("", encoding="utf-8")
    with pytest.raises(UsageError):
        find_lab(text)
