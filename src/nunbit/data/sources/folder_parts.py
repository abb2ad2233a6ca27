"""Top folders that are the parts of a split, where classes are not told by folders."""

from __future__ import annotations

from pathlib import Path

from nunbit.data.sources.layouts.chosen import parse_parts
from nunbit.data.sources.layouts.words import part_in
from nunbit.data.sources.walking import Listing
from nunbit.errors import ConfigError


def part_folders(path: Path, listing: Listing, parts: str | None) -> dict[str, str]:
    """Folder to part, e.g. {'train': 'train', 'val': 'validation'}; empty where there are none.

    The names count as parts only where two parts stand side by side, or nothing else does;
    `parts` is the user's word, which comes first. Raises ConfigError where it is wrong.
    """
    if parts is not None:
        chosen = parse_parts(parts)
        missing = [folder for folder in chosen if folder not in listing.folders]
        if missing:
            raise ConfigError(f"the data have no folder '{missing[0]}'", path=path)
        return chosen
    tops = [folder for folder in listing.folders if "/" not in folder]
    found = {top: part for top in tops if (part := part_in(top)) is not None}
    if len(set(found.values())) >= 2 or len(found) == len(tops):
        return found
    return {}


def part_of_path(path: str, parts: dict[str, str]) -> str:
    """The part of the folder that holds a file, the innermost that has one; '' for none."""
    folder = path.rpartition("/")[0]
    while folder:
        if folder in parts:
            return parts[folder]
        folder = folder.rpartition("/")[0]
    return ""
