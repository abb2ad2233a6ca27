"""Remedies for a folder that cannot be read as it is."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from nunbit.data.sources.layouts.chosen import NONE
from nunbit.data.sources.layouts.tree import Tree
from nunbit.data.sources.patterns.name_pattern import suggest_pattern

TABLE_ENDINGS = (".csv", ".tsv", ".parquet", ".npz", ".jsonl")
MAX_JSON = 6
"""JSON files that may be the labels of all images; of more, each belongs to one image."""


def give_one_of(path: Path, folders: Sequence[str], *, parts: Mapping[str, str]) -> str:
    """Give the first of the folders, or say the parts, or say that they are classes."""
    said = shlex.quote(",".join(f"{folder}={part}" for folder, part in parts.items()))
    return (
        f"give '{path / folders[0]}'; or say the parts: --parts {said}; or, where these folders "
        f"are the classes, --parts {NONE}"
    )


def tables_hint(path: Path, files: Sequence[str]) -> str:
    """Name a table that lies among the files, '' where none does; the likeliest comes first."""
    tables = sorted((f for f in files if f.endswith(TABLE_ENDINGS)), key=_unlikely)
    jsons = [file for file in files if file.endswith(".json")]
    if not tables and len(jsons) <= MAX_JSON:
        tables = sorted(jsons, key=_unlikely)
    return f"if '{tables[0]}' holds the labels, give '{path / tables[0]}' instead" if tables else ""


def _unlikely(file: str) -> tuple[bool, int, bool]:
    """Sorts tables: no submission or test, as high as may be, named after labels or training."""
    name = file.rpartition("/")[2].lower()
    foreign = any(word in name for word in ("submission", "test", "unlabel"))
    return foreign, file.count("/"), not any(word in name for word in ("label", "train", "meta"))


def flat_remedy(path: Path, tree: Tree, folder: str) -> str:
    """Remedy for images in a folder without classes: a table, or their names."""
    files = [found.path for found in tree.listing.files]
    inside = [Path(f).name for f in files if not folder or f.startswith(f"{folder}/")]
    if hint := tables_hint(path, files):
        return hint
    pattern, _, label = suggest_pattern(inside)
    if label:
        return f"give '{path / folder}' with --label-from \"{pattern}\""
    return "name the table that holds the labels, or sort the images into one folder for each class"
