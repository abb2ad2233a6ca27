"""Running a lab cell by cell in one namespace, and collecting what each cell shows."""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType

import matplotlib as mpl

from nunbit.errors import NunbitError, RunInterrupted, TrainingError
from nunbit.progress import SILENT, Progress
from nunbit_labs.data_paths import DataMissing
from nunbit_labs.display import as_output
from nunbit_labs.i18n import LANGUAGES
from nunbit_labs.lab import Lab, running
from nunbit_labs.lesson import Lesson, read_lesson
from nunbit_labs.outputs import Output, PrintedText, SkipNotice
from nunbit_labs.record import ROOT, LabFolder, Result, folder_of
from nunbit_labs.style import apply_style

MODULE = "nunbit_lab"


@dataclass(frozen=True)
class LabRun:
    """A lab that has been run."""

    lesson: Lesson
    outputs: tuple[tuple[Output, ...], ...]
    """Outputs of each of the lesson's cells; text cells have none."""
    result: Result
    folder: LabFolder


def run_lesson(
    lesson: Lesson,
    *,
    quick: bool,
    root: Path = ROOT,
    progress: Progress = SILENT,
    on_cell: Callable[[int], None] = lambda _: None,
) -> LabRun:
    """Run all cells; what they store lies below `root`, and nothing is written elsewhere.

    Where a cell needs data that are not available, the cells after it are skipped.

    `on_cell` is called with the index of each cell before it begins, but not of skipped ones.

    Raises:
        NunbitError: as a cell raised it.
        TrainingError: when a cell failed in another way.
        RunInterrupted: when the user stopped it.
        DataError: when a translation does not fit.
    """
    for language in LANGUAGES:  # an error in a translation is found now, not after hours
        read_lesson(lesson.name, language, solved=lesson.solved)
    folder = folder_of(lesson.name, quick=quick, root=root)
    folder.path.mkdir(parents=True, exist_ok=True)
    screen = _Screen()
    lab = Lab(lesson.name, quick=quick, folder=folder.path, progress=progress, emit=screen.add)
    began = time.perf_counter()
    outputs: list[tuple[Output, ...]] = []
    missing = ""
    with running(lab), _surroundings() as module, contextlib.redirect_stdout(screen):
        for number, cell in enumerate(lesson.cells):
            if not missing:
                on_cell(number)
            if cell.kind == "code" and not missing:
                try:
                    with _failures_named(lesson, number, quick=quick):
                        name = f"<lab {lesson.number}, cell {number + 1}>"
                        _run_cell(cell.source, name, module, lab)
                except DataMissing as error:
                    missing = error.what
                    screen.add(SkipNotice(missing))
            outputs.append(screen.take())
    result = Result(
        lab=lesson.name,
        title=lesson.title,
        quick=quick,
        code_hash=lesson.code_hash,
        nunbit=_version(),
        finished=datetime.now().astimezone().isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - began + lab.kept_seconds, 2),
        machine=machine(),
        command=command(lesson, quick=quick),
        comparisons=tuple(lab.comparisons),
        checks={name: checked.state for name, checked in lab.checks.items()},
        missing=missing,
    )
    return LabRun(lesson, tuple(outputs), result, folder)


def command(lesson: Lesson, *, quick: bool) -> str:
    """Command that runs the lesson again."""
    return shlex.join(["nunbit", "lab", lesson.number, *(["--quick"] if quick else [])])


def machine() -> str:
    """Processor, threads and GPU, with the system."""
    import torch

    from nunbit.device import describe_device, resolve_device

    return (
        f"{describe_device(resolve_device('auto'))}, {platform.system()}, torch {torch.__version__}"
    )


def _version() -> str:
    from nunbit import __version__

    return __version__


class _Screen(io.TextIOBase):
    """Collector of what cells print and show, in the order in which it came."""

    def __init__(self) -> None:
        self._printed: list[str] = []
        self._outputs: list[Output] = []

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._printed.append(text)
        return len(text)

    def add(self, output: Output) -> None:
        self._settle()
        self._outputs.append(output)

    def take(self) -> tuple[Output, ...]:
        """Return and forget what has come since the last call."""
        self._settle()
        taken, self._outputs = tuple(self._outputs), []
        return taken

    def _settle(self) -> None:
        text, self._printed = "".join(self._printed), []
        if text.strip():
            self._outputs.append(PrintedText(text))


@contextlib.contextmanager
def _surroundings() -> Iterator[ModuleType]:
    """A module for the lab's names, known to pickle and inspect; pictures in the labs' style."""
    module = ModuleType(MODULE)
    before = sys.modules.get(MODULE)
    sys.modules[MODULE] = module
    try:
        with mpl.rc_context():
            apply_style()
            yield module
    finally:
        sys.modules.pop(MODULE, None)
        if before is not None:
            sys.modules[MODULE] = before


def _run_cell(source: str, name: str, module: ModuleType, lab: Lab) -> None:
    """Run one cell; the value of its last expression is shown, as in a notebook."""
    # Known to linecache, so that tracebacks and inspect show the cell's lines.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    tree = ast.parse(source, filename=name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    namespace = module.__dict__
    exec(compile(tree, name, "exec", dont_inherit=True), namespace)
    if isinstance(last, ast.Expr):
        value = eval(
            compile(ast.Expression(last.value), name, "eval", dont_inherit=True), namespace
        )
        # What a drawing call returns is not a picture yet: lab.show shows that.
        if value is not None and not type(value).__module__.startswith("matplotlib"):
            lab.show(as_output(value))


@contextlib.contextmanager
def _failures_named(lesson: Lesson, number: int, *, quick: bool) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, RunInterrupted):
        raise RunInterrupted(
            f"stopped in lab {lesson.number}; finished experiments are stored",
            remedy=f"continue with: {command(lesson, quick=quick)}",
        ) from None
    except NunbitError:
        raise
    except Exception as error:
        raise TrainingError(
            f"cell {number + 1} of lab {lesson.number} failed: {type(error).__name__}: {error}",
            remedy="repeat the command with --debug to see the lines",
        ) from error
