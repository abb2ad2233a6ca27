"""`nunbit lab`: the course's labs, listed or run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nunbit.cli.options import Debug, Quiet
from nunbit.errors import NunbitError, RunInterrupted, TrainingError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from nunbit_labs.i18n import Language
    from nunbit_labs.lesson import Lesson
    from nunbit_labs.record import Result

EVERY = "all"
LANGUAGES = ("en", "ko")


def lab(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            show_default=False,
            help="Number or name of a lab, such as 03 or xor; all for all of them, without those "
            "that are done. Without it, the labs are listed.",
        ),
    ] = "",
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Seconds instead of minutes, on little data.")
    ] = False,
    solution: Annotated[
        bool,
        typer.Option("--solution", help="Fill in the worked solutions of the exercises."),
    ] = False,
    language: Annotated[
        str,
        typer.Option(
            "--lang",
            metavar="|".join(LANGUAGES),
            help="Language of the list, and of the page that is named; pages are written in all.",
        ),
    ] = "en",
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Where results and pages go."),
    ] = Path("runs/labs"),
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List the labs, or run one: a course from the perceptron to graph convolution."""
    if language not in LANGUAGES:
        raise UsageError(
            f"the labs do not exist in {language!r}", remedy=f"choose {' or '.join(LANGUAGES)}"
        )

    from nunbit_labs.course import find_lab, lab_names
    from nunbit_labs.i18n import LANGUAGES as WRITTEN
    from nunbit_labs.lesson import read_lesson

    spoken: Language = WRITTEN[LANGUAGES.index(language)]
    if not name:
        _list([read_lesson(item, spoken) for item in lab_names()], out)
        return
    if name != EVERY:
        lesson = read_lesson(find_lab(name), spoken, solved=solution)
        _run(lesson, quick=quick, out=out, quiet=quiet)
        return
    _run_all(spoken, quick=quick, solution=solution, out=out, quiet=quiet)


def _run_all(language: Language, *, quick: bool, solution: bool, out: Path, quiet: bool) -> None:
    """Each lab that is not done; one that fails does not keep the others from running."""
    from nunbit.cli.terminal import stderr_console
    from nunbit_labs.course import lab_names
    from nunbit_labs.lesson import read_lesson
    from nunbit_labs.record import state_of

    failed = []
    for name in lab_names():
        lesson = read_lesson(name, language, solved=solution)
        # With the solutions in it, the code is another, and its result is not kept.
        if not solution and state_of(lesson, quick=quick, root=out) == "done":
            if not quiet:
                stderr_console().print(f"{lesson.title}: done already")
            continue
        try:
            _run(lesson, quick=quick, out=out, quiet=quiet)
        except RunInterrupted:
            raise
        except NunbitError as error:
            failed.append(lesson.number)
            stderr_console().print(f"lab {lesson.number}: {error}", soft_wrap=True)
    if failed:
        raise TrainingError(
            f"{len(failed)} of the labs failed: {', '.join(failed)}",
            remedy=f"see why with: nunbit lab {failed[0]} --debug",
        )


def _run(lesson: Lesson, *, quick: bool, out: Path, quiet: bool) -> None:
    from nunbit.cli.display import display_on
    from nunbit.cli.terminal import printable, stderr_console, stdout_console
    from nunbit.formatting import duration
    from nunbit_labs.publish import publish
    from nunbit_labs.runner import run_lesson

    remarks, console = stderr_console(), stdout_console()
    headings = {} if quiet else _headings(lesson)
    if not quiet:
        expected = lesson.quick_seconds if quick else 60 * lesson.minutes
        remarks.print(f"{lesson.title} (about {duration(expected)})", style="bold", soft_wrap=True)

    def tell(number: int) -> None:
        if number in headings:
            done = f"[{number + 1}/{len(lesson.cells)}]"
            remarks.print(f"  {done} {headings[number]}", soft_wrap=True)

    done = run_lesson(
        lesson, quick=quick, root=out, progress=display_on(remarks, quiet=quiet), on_cell=tell
    )
    pages = publish(done)
    if quiet:
        return
    _print_results(console, done.result)
    if done.result.missing:
        remarks.print(printable(f"not run here: {done.result.missing}"), soft_wrap=True)
    console.print(f"time: {duration(done.result.seconds)}")
    console.print(printable(f"page: {pages[lesson.language]}"), soft_wrap=True)


def _headings(lesson: Lesson) -> dict[int, str]:
    """Headings of the parts, by the index of their cell."""
    return {
        number: cell.source.splitlines()[0].removeprefix("## ")
        for number, cell in enumerate(lesson.cells)
        if cell.kind == "text" and cell.source.startswith("## ")
    }


def _print_results(console: Console, result: Result) -> None:
    from rich.table import Table

    from nunbit.cli.terminal import printable

    if result.comparisons:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for heading in ("", "published", "ours", "verdict"):
            table.add_column(heading, overflow="fold")
        for row in result.comparisons:
            cells = (
                row.what,
                row.published_in_words(),
                row.ours_in_words("en"),
                row.verdict_in_words("en"),
            )
            table.add_row(*map(printable, cells))
        console.print(table)
    for name, state in result.checks.items():
        words = {"right": "right", "wrong": "not yet", "open": "not answered yet"}
        console.print(f"exercise {name}: {words[state]}", soft_wrap=True)


def _list(lessons: list[Lesson], out: Path) -> None:
    from rich.table import Table

    from nunbit.cli.terminal import stdout_console
    from nunbit.formatting import duration
    from nunbit_labs.record import state_of

    console = stdout_console()
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("lab", overflow="fold")
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("quick", justify="right", no_wrap=True)
    table.add_column("state", overflow="fold")
    for lesson in lessons:
        table.add_row(
            lesson.title,
            duration(60 * lesson.minutes),
            duration(lesson.quick_seconds),
            _state(state_of(lesson, quick=False, root=out), state_of(lesson, quick=True, root=out)),
        )
    console.print(table)
    console.print("run one: nunbit lab 01, or in seconds: nunbit lab 01 --quick", soft_wrap=True)


def _state(full: str, quick: str) -> str:
    """The two states in one word or two."""
    if full == "done":
        return "done"
    if quick == "done":
        return "quick done" if full == "not run" else f"quick done, full {full}"
    if full == "not run":
        return quick if quick == "not run" else f"quick {quick}"
    return full
