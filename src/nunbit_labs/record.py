"""Records of a lab that was run: its result file, and the state that follows from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from nunbit.files import write_atomically
from nunbit_labs.comparison import Comparison, comparison_from
from nunbit_labs.lesson import Lesson

State: TypeAlias = Literal["done", "changed", "begun", "not run"]
ROOT = Path("runs") / "labs"


@dataclass(frozen=True)
class LabFolder:
    """Names in the folder of one lab; a quick run has its own below it."""

    path: Path

    @property
    def result(self) -> Path:
        """The numbers; present when the lab was run to its end."""
        return self.path / "result.json"

    @property
    def kept(self) -> Path:
        """Finished experiments."""
        return self.path / "kept"

    def page(self, language: str, *, solved: bool) -> Path:
        """The page to read."""
        return self.path / page_name(language, solved=solved)


def page_name(language: str, *, solved: bool) -> str:
    """File name of a page, in the lab's folder."""
    stem = "solution" if solved else "lab"
    return f"{stem}.html" if language == "en" else f"{stem}.{language}.html"


def folder_of(name: str, *, quick: bool, root: Path = ROOT) -> LabFolder:
    """Folder in which a lab of this name stores its results."""
    full = root / name[:2]
    return LabFolder(full / "quick" if quick else full)


@dataclass(frozen=True, kw_only=True)
class Result:
    """Content of result.json."""

    lab: str
    title: str
    quick: bool
    code_hash: str
    nunbit: str
    finished: str
    """Date and time, ISO 8601 with zone."""
    seconds: float
    """Duration of this run and of stored experiments when they ran."""
    machine: str
    command: str
    comparisons: tuple[Comparison, ...]
    checks: dict[str, str]
    """State of each exercise."""
    missing: str = ""
    """Reason why the rest was skipped: missing data. Empty where everything ran."""

    def write(self, path: Path) -> None:
        """Write the result as JSON."""
        content = {**self.__dict__, "comparisons": [row.to_dict() for row in self.comparisons]}
        text = json.dumps(content, indent=2, ensure_ascii=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text + "\n")


def read_result(path: Path) -> Result | None:
    """Read a result file; None where there is none, or none that can be read."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(comparison_from(row) for row in content["comparisons"])
        return Result(**{**content, "comparisons": rows})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def state_of(lesson: Lesson, *, quick: bool, root: Path = ROOT) -> State:
    """State of a lab: whether it ran to its end, and is still the same."""
    folder = folder_of(lesson.name, quick=quick, root=root)
    result = read_result(folder.result)
    if result is None:
        return "begun" if folder.kept.is_dir() else "not run"
    if result.missing:  # the data may be here by now
        return "begun"
    return "done" if result.code_hash == lesson.code_hash else "changed"
