"""The page of all results: every experiment of the labs beside the published number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from nunbit.formatting import duration
from nunbit_labs.comparison import Comparison
from nunbit_labs.lesson import Lesson
from nunbit_labs.record import Result

HEAD = """# Results of the labs

Written by `scripts/write_lab_results.py` from what the labs have kept; `make labs-full` makes it
again. *Ours* is the mean over the seeds with the standard deviation, and the lowest and highest in
brackets; a published number is one run, whose spread is not known. *Beaten by every seed* and
*reached*, which is said of the mean, count from the published number; *within our spread* says that
our best seed, but not our mean, comes up to it. *Not reached* gives the distance of the mean.
*Time* is that of all seeds together.
"""
COLUMNS = ("experiment", "published", "ours", "verdict", "test images", "time")


def results_page(lessons: Sequence[Lesson], results: Mapping[str, Result | None]) -> str:
    """Markdown: a count of the verdicts, then a table for each lab."""
    rows = [row for result in results.values() if result for row in result.comparisons]
    parts = [HEAD, _count(rows)]
    parts += [_lab(lesson, results.get(lesson.name)) for lesson in lessons]
    return "\n".join(parts)


def _count(rows: Sequence[Comparison]) -> str:
    if not rows:
        return "Nothing was run yet.\n"
    compared = [row for row in rows if row.verdict != "alone"]
    verdicts = Counter(row.verdict_in_words("en").partition(",")[0] for row in compared)
    each = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common())
    alone = len(rows) - len(compared)
    return (
        f"{len(compared)} comparisons: {each}.\n\n"
        f"Numbers of our own with nothing published beside them: {alone}.\n"
    )


def _lab(lesson: Lesson, result: Result | None) -> str:
    heading = f"## {lesson.title}\n"
    if result is None:
        return f"{heading}\nNot run here: `nunbit lab {lesson.number}` runs it.\n"
    about = (
        f"`{result.command}` · {duration(result.seconds)} · {result.machine} · "
        f"nunbit {result.nunbit} · {result.finished[:10]}"
    )
    if result.code_hash != lesson.code_hash:
        about += " · the lab's code has changed since"
    if result.missing:
        about += f"\n\nOnly the beginning was run here: {result.missing}."
    if not result.comparisons and result.missing:
        return f"{heading}\n{about}\n"
    if not result.comparisons:
        return f"{heading}\n{about}\n\nThis lab records no numbers.\n"
    table = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    table += [_row(row) for row in result.comparisons]
    return f"{heading}\n{about}\n\n" + "\n".join(table) + "\n"


def _published(row: Comparison) -> str:
    source = row.published.source
    return f"{row.published_in_words()} ({source})" if source else row.published_in_words()


def _row(row: Comparison) -> str:
    what = f"{row.what}. {row.remark}" if row.remark else row.what
    cells = (
        what,
        _published(row),
        row.ours_in_words("en"),
        row.verdict_in_words("en"),
        f"{row.images:,}" if row.images else "",
        duration(row.seconds) if row.seconds else "",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
