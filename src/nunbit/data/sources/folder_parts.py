"""Top folders that are the parts of a split (train/, validation|val/, test/)."""

from __future__ import annotations

from nunbit.data.sources.part_names import part_of
from nunbit.data.sources.walking import Listing


def part_folders(listing: Listing) -> dict[str, str]:
    """Top folder to part, e.g. {'train': 'train', 'val': 'validation'}; empty where there are none.

    A folder named `train` may as well be a class (of vehicles, say), so the names count as parts
    only where two parts stand side by side, or nothing else does.
    """
    tops = [folder for folder in listing.folders if "/" not in folder]
    parts = {top: part for top in tops if (part := part_of(top)) is not None}
    if len(set(parts.values())) >= 2 or len(parts) == len(tops):
        return parts
    return {}


def has_class_folders(listing: Listing, parts: dict[str, str]) -> bool:
    """Tell whether folders lie below the part folders."""
    return any(folder.partition("/")[0] in parts for folder in listing.folders if "/" in folder)
