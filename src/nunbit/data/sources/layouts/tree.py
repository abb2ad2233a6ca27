"""The folders of a listing and how many pictures lie in and below each, for judging a layout."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property

from nunbit.data.sources.walking import Listing

SIDECAR_ENDINGS = frozenset(
    {"txt", "xml", "json", "jsonl", "csv", "tsv", "md", "html", "mat", "npy", "npz", "parquet"}
    | {"yaml", "yml", "pdf", "py", "ipynb", "log", "zip", "tar", "gz", "xlsx", "xls", "pkl"}
)
"""Endings of what lies beside pictures; every other file may be one."""


@dataclass(frozen=True)
class Tree:
    """Folders are named by their path relative to the root, which is ''."""

    listing: Listing

    @cached_property
    def direct(self) -> Counter[str]:
        """Files directly in each folder that may be pictures."""
        pairs = zip(self.listing.files, self.folders_of_files, strict=True)
        sidecars = Counter(
            folder
            for found, folder in pairs
            if found.path.rpartition(".")[2].lower() in SIDECAR_ENDINGS
        )
        return Counter(self.folders_of_files) - sidecars

    @cached_property
    def folders_of_files(self) -> list[str]:
        """The folder of each file, in the order of the listing."""
        return [found.path.rpartition("/")[0] for found in self.listing.files]

    @cached_property
    def holding(self) -> set[str]:
        """Folders with any file in or below them."""
        holding: set[str] = set()
        for folder in set(self.folders_of_files):
            upward = folder
            while upward and upward not in holding:
                holding.add(upward)
                upward = upward.rpartition("/")[0]
        return holding

    @cached_property
    def below(self) -> Counter[str]:
        """The same, in a folder and in all folders below it."""
        folders: Counter[str] = Counter()
        for folder, number in self.direct.items():
            upward = folder
            while upward:
                folders[upward] += number
                upward = upward.rpartition("/")[0]
            folders[""] += number
        return folders

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = defaultdict(list)
        for folder in self.listing.folders:
            children[folder.rpartition("/")[0]].append(folder)
        return children

    def children(self, folder: str) -> list[str]:
        """Folders directly in one, as paths."""
        return self._children.get(folder, [])

    def filled(self, folder: str) -> list[str]:
        """Those of the folders directly in one that have a picture in or below them."""
        return [child for child in self.children(folder) if self.below[child]]


def last(folder: str) -> str:
    """The name of a folder without those above it."""
    return folder.rpartition("/")[2]
