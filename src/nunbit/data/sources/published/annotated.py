"""Rows of image folders whose classes and parts other files say."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from nunbit.data.sources.layouts.excluded import leave_out
from nunbit.data.sources.raw_samples import FileRows, RawSamples, SourceOptions
from nunbit.data.sources.walking import list_files
from nunbit.errors import DataError
from nunbit.formatting import quoted


class Meaning(NamedTuple):
    """Class and part of an image."""

    name: str | None
    part: str = ""
    reason: str = ""


def annotated_rows(
    path: Path,
    options: SourceOptions,
    meaning: Callable[[str], Meaning | None],
    *,
    notes: Sequence[str],
    warnings: Sequence[str] = (),
) -> RawSamples:
    """One row for each file that `meaning` knows by its path; None leaves a file out.

    Raises:
        DataError: where there is no such file.
    """
    listing = leave_out(list_files(path), options.exclude)
    rows = FileRows()
    for found in listing.files:
        meant = meaning(found.path)
        if meant is None:
            continue
        name = None if found.excluded else meant.name
        reason = found.reason or meant.reason or ("" if meant.name else "no label in the lists")
        rows.add(found.path, found.file, name=name, part=meant.part, reason=reason)
    if not rows.paths:
        raise DataError("the images of this data set are missing", path=path)
    return rows.raw_samples(notes=[*listing.notes, *notes], warnings=warnings)


def files_of(path: Path, pattern: str) -> list[Path]:
    """Files directly in a folder whose names fit a pattern of a shell, sorted."""
    with os.scandir(os.fspath(path)) as entries:
        names = [entry.name for entry in entries]
    return [path / name for name in sorted(fnmatch.filter(names, pattern))]


def read_lines(file: Path) -> list[list[str]]:
    """The words of each line that has any. Raises DataError."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the list cannot be read: {quoted(error)}", path=file) from error
    return [line.split() for line in text.splitlines() if line.strip()]


def check_width(lines: Sequence[Sequence[str]], width: int, file: Path) -> None:
    """Raise DataError for a line with fewer words than `width`."""
    for number, words in enumerate(lines, start=1):
        if len(words) < width:
            raise DataError(f"line {number} has {len(words)} words, not {width}", path=file)


def in_words(numbers: Sequence[str], words: dict[str, str]) -> dict[str, str]:
    """Name of each number: the first of its words, with the number where two would be alike."""
    first = {n: words[n].partition(",")[0].strip() for n in numbers if words.get(n, "").strip()}
    times: dict[str, int] = {}
    for name in first.values():
        times[name.casefold()] = times.get(name.casefold(), 0) + 1
    return {
        number: number
        if number not in first
        else first[number]
        if times[first[number].casefold()] == 1
        else f"{first[number]} ({number})"
        for number in numbers
    }
