"""Names of the parts of a split, in folders, tables and arrays."""

from __future__ import annotations

PART_NAMES: dict[str, str] = {
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
    return PART_NAMES.get(word.strip().lower())
