"""Words shared by the sources: names of parts, and lists cut to what a reader wants."""

from __future__ import annotations

from collections.abc import Iterable

TAKEN_OUT = "excluded by the"
"""Beginning of every reason that is the user's own decision, and no fault of the image."""
NO_LABEL = "no label"
"""The reason against an image that its source gives no class."""
PART_WORDS: dict[str, str] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""Accepted spellings, compared in lower case, of the parts of a split."""


def part_of(word: str) -> str | None:
    """'train', 'validation' or 'test' for an accepted spelling, else None."""
    return PART_WORDS.get(word.strip().lower())


def examples(items: Iterable[str], *, most: int = 3) -> str:
    """The first few items, quoted, and how many more there are."""
    listed = list(items)
    shown = ", ".join(f"'{item}'" for item in listed[:most])
    return shown if len(listed) <= most else f"{shown} and {len(listed) - most} more"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: '1 file', '2,000 files'."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
