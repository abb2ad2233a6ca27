"""A lab as it is written: cells of text and code, read from its files.

English text and code are in one file in jupytext's percent format. Other languages have the text
cells only, in the same order, separated by lines that hold nothing but `+++`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nunbit.errors import DataError, UsageError
from nunbit_labs.course import (
    lab_file,
    solution_file,
    solution_translation_file,
    translation_file,
)
from nunbit_labs.i18n import Language

CELL_BREAK = re.compile(r"^\+\+\+[ \t]*$", re.MULTILINE)
TITLE = re.compile(r"\A# (?P<title>.+)$", re.MULTILINE)
HIDDEN = "hide-input"
"""Tag of code that the page folds away, after the convention of Jupyter Book."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell."""

    kind: Literal["text", "code"]
    source: str
    exercise: str = ""
    """Name of the exercise that the learner solves in this cell."""
    hidden: bool = False
    """True if the page folds the code away."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A lab that can be run and shown."""

    name: str
    """File name without its ending, such as 01_perceptron."""
    language: Language
    cells: tuple[Cell, ...]
    minutes: float
    """Approximate duration of a full run on two cores."""
    quick_seconds: float
    """Approximate duration of a quick run."""
    solved: bool = False
    """True if the exercises' cells hold the worked solutions."""

    @property
    def number(self) -> str:
        """Two digits."""
        return self.name[:2]

    @property
    def title(self) -> str:
        """The heading of the first cell, such as '01 · The perceptron'."""
        match = TITLE.match(self.cells[0].source)
        return match["title"].strip() if match else self.name

    @property
    def code_hash(self) -> str:
        """Hash of the code cells; the text does not matter."""
        code = "\0".join(cell.source for cell in self.cells if cell.kind == "code")
        return hashlib.sha256(code.encode("utf-8")).hexdigest()[:16]


def read_lesson(name: str, language: Language = "en", *, solved: bool = False) -> Lesson:
    """A lab by its full name; with `solved`, the worked solutions replace the exercises.

    Raises:
        DataError: when a file is missing or damaged, or a translation does not fit.
        UsageError: when jupytext is not installed.
    """
    cells, metadata = read_percent(lab_file(name))
    if language != "en":
        cells = _translated(cells, translation_file(name, language))
    if solved:
        answers, _ = read_percent(solution_file(name))
        if language != "en":
            answers = _translated(answers, solution_translation_file(name, language))
        cells = _with_solutions(cells, answers, solution_file(name))
    known = metadata.get("nunbit", {})
    if not cells or cells[0].kind != "text" or not TITLE.match(cells[0].source):
        raise DataError("the first cell of a lab is text that begins with '# '", path=name)
    return Lesson(
        name=name,
        language=language,
        cells=cells,
        minutes=float(known.get("minutes", 0)),
        quick_seconds=float(known.get("quick_seconds", 0)),
        solved=solved,
    )


def read_percent(path: Path) -> tuple[tuple[Cell, ...], dict[str, Any]]:
    """Cells and metadata of a file in the percent format.

    Raises:
        DataError: when it cannot be read.
        UsageError: when jupytext is not installed.
    """
    try:
        import jupytext
    except ImportError:
        raise UsageError(
            "the labs need packages that are not installed",
            remedy="python -m pip install 'nunbit[labs]'",
        ) from None
    try:
        notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    except (OSError, ValueError) as error:
        raise DataError(f"the lab cannot be read: {error}", path=path) from error
    cells = tuple(
        Cell(
            kind="code" if cell.cell_type == "code" else "text",
            source=cell.source,
            exercise=str(cell.metadata.get("exercise", "")),
            hidden=HIDDEN in cell.metadata.get("tags", []),
        )
        for cell in notebook.cells
        if cell.source.strip()
    )
    return cells, dict(notebook.metadata)


def read_texts(path: Path) -> tuple[str, ...]:
    """The text cells of a translation.

    Raises:
        DataError: when the file cannot be read.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"the translation cannot be read: {error}", path=path) from error
    return tuple(text.strip() for text in CELL_BREAK.split(content) if text.strip())


def _translated(cells: tuple[Cell, ...], path: Path) -> tuple[Cell, ...]:
    texts = read_texts(path)
    wanted = sum(cell.kind == "text" for cell in cells)
    if len(texts) != wanted:
        raise DataError(
            f"the translation has {len(texts)} text cells, the lab {wanted}",
            path=path,
            remedy="give every text cell a counterpart, separated by lines of +++",
        )
    left = iter(texts)
    return tuple(
        replace(cell, source=next(left)) if cell.kind == "text" else cell for cell in cells
    )


def _with_solutions(
    cells: tuple[Cell, ...], answers: tuple[Cell, ...], path: Path
) -> tuple[Cell, ...]:
    """Each exercise's cell replaced by its solution, with the text that precedes it there."""
    solutions: dict[str, list[Cell]] = {}
    waiting: list[Cell] = []
    for cell in answers:
        waiting.append(cell)
        if cell.exercise:
            solutions[cell.exercise] = waiting
            waiting = []
    missing = {cell.exercise for cell in cells if cell.exercise} ^ set(solutions)
    if missing:
        raise DataError(
            "exercises without a solution, or solutions without an exercise: "
            f"{', '.join(sorted(missing))}",
            path=path,
        )
    return tuple(item for cell in cells for item in solutions.get(cell.exercise, [cell]))
