"""Writes what a run lab leaves: its pages, in every language, and its result."""

from __future__ import annotations

from pathlib import Path

from nunbit.files import write_atomically
from nunbit_labs.i18n import LANGUAGES, Language
from nunbit_labs.lesson import read_lesson
from nunbit_labs.page import build_page
from nunbit_labs.runner import LabRun


def publish(done: LabRun) -> dict[Language, Path]:
    """The pages' paths by language. A run with solutions leaves a page, but no result.

    All languages have the same code and the same outputs, so one run serves them all.
    """
    pages: dict[Language, Path] = {}
    for language in LANGUAGES:
        lesson = read_lesson(done.lesson.name, language, solved=done.lesson.solved)
        pages[language] = done.folder.page(language, solved=lesson.solved)
        write_atomically(pages[language], build_page(lesson, done.outputs, done.result))
    if not done.lesson.solved:
        done.result.write(done.folder.result)  # last, because it says that all is done
    return pages
