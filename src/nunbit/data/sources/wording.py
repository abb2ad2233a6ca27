"""Words shared by the sources: names of parts, and reasons against an image."""

from __future__ import annotations

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
