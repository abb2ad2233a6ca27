"""Layout of a folder: where its class folders are, and what is left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from nunbit.data.sources.exclusions import EXCLUDED_BY
from nunbit.data.sources.layouts.tree import Tree, last
from nunbit.data.sources.layouts.words import ONE_FOLDER, PICTURE_FOLDERS, means_part
from nunbit.formatting import examples


class Place(NamedTuple):
    """Meaning of the files directly in one folder."""

    name: str | None
    """Raw class name."""
    part: str
    reason: str


@dataclass(kw_only=True)
class Layout:
    """Folders by their path relative to the data, '' for the data's own."""

    roots: dict[str, str] = field(default_factory=lambda: {"": ""})
    """Folders whose sub-folders are classes, and the part that each is, '' for none."""
    unlabelled: dict[str, str] = field(default_factory=dict)
    """Folders of pictures without classes, and the part that they are called, '' for none."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Other folders that are not read, and why."""
    parts_below: dict[str, str] = field(default_factory=dict)
    """Names of the folders within each class that are parts, as in `cat/train/1.jpg`."""
    chosen: bool = False
    """True where the user has said what the folders are."""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def has_parts(self) -> bool:
        """True where the folders say the part of each image."""
        return "" not in self.roots

    def place(self, folder: str) -> Place:
        """Class and part of what lies directly in a folder."""
        upward = folder
        while True:
            if upward in self.unlabelled:
                part = self.unlabelled[upward]
                return Place(None, part, f"no label: '{upward}' has no class folders")
            if upward in self.left_out:
                return Place(None, "", self.left_out[upward])
            if upward in self.roots:
                return self._below(upward, folder)
            if not upward:
                why = f"outside the folders {examples(sorted({*self.roots, *self.unlabelled}))}"
                # What the user did not name is the user's own decision.
                return Place(
                    None, "", f"{EXCLUDED_BY} choice of parts: {why}" if self.chosen else why
                )
            upward = upward.rpartition("/")[0]

    def _below(self, root: str, folder: str) -> Place:
        part = self.roots[root]
        if folder == root:
            outside = f"in '{root}' but outside its class folders" if root else ""
            return Place(None, part, outside or "outside the class folders")
        name, _, rest = folder.removeprefix(root).lstrip("/").partition("/")
        return Place(name, part or self.parts_below.get(rest.partition("/")[0], ""), "")


def inner_root(tree: Tree, folder: str) -> str:
    """The folder of the classes where `folder` holds only one more, as in `train/train/cat`."""
    while not tree.direct[folder] and len(tree.filled(folder)) == 1:
        (child,) = tree.filled(folder)
        if not tree.filled(child) and not _says_nothing(child, folder):
            break
        folder = child
    return folder


def _says_nothing(child: str, above: str) -> bool:
    name = last(child).lower()
    return (
        name == last(above).lower()
        or means_part(last(child))
        or name in PICTURE_FOLDERS
        or name in ONE_FOLDER
    )
