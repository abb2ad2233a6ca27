"""Properties of files besides their pixels, as columns; n usable images with a label.

The number of bytes is left out on purpose: at one compression it measures how much detail a
picture holds, which the network may rightly see, so it would accuse many sound data sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nunbit.data.inspect import Inspection
from nunbit.data.sources.part_names import part_of
from nunbit.types import ImageFacts, Samples

_NO_DATE = -1.0


@dataclass(frozen=True, kw_only=True)
class Properties:
    """Rows of the `Samples` that have them, and the columns."""

    rows: NDArray[np.int64]
    """[n] ascending."""
    labels: NDArray[np.int64]
    """[n]"""
    facts: tuple[ImageFacts, ...]
    """[n]"""
    folders: tuple[str, ...]
    """[n] folder below the class folder, or below the table's folder; '' for none."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def width(self) -> NDArray[np.float64]:
        """[n] pixels."""
        return np.array([fact.width for fact in self.facts], dtype=np.float64)

    @property
    def height(self) -> NDArray[np.float64]:
        """[n] pixels."""
        return np.array([fact.height for fact in self.facts], dtype=np.float64)

    @property
    def days(self) -> NDArray[np.float64]:
        """[n] days from the year 1 to when the picture was taken; -1 where that is not known."""
        return np.array([_days(fact.taken) for fact in self.facts])

    def at(self, chosen: NDArray[np.int64]) -> Properties:
        """Some of the n, by their position here."""
        return Properties(
            rows=self.rows[chosen],
            labels=self.labels[chosen],
            facts=tuple(self.facts[i] for i in chosen),
            folders=tuple(self.folders[i] for i in chosen),
        )


def properties(samples: Samples, inspection: Inspection, reasons: Sequence[str]) -> Properties:
    """The properties of all usable files with a label; none for arrays, which have no files.

    `reasons` is [N].
    """
    found: list[tuple[int, ImageFacts]] = []
    if not samples.images.decoded:
        for row, (fact, reason) in enumerate(zip(inspection.facts, reasons, strict=True)):
            if fact is not None and not reason and samples.labels[row] >= 0:
                found.append((row, fact))
    rows = np.array([row for row, _ in found], dtype=np.int64)
    return Properties(
        rows=rows,
        labels=samples.labels[rows],
        facts=tuple(fact for _, fact in found),
        folders=folders_of(samples, rows),
    )


def one_of_each_group(samples: Samples, found: Properties) -> Properties:
    """The first image of each class in each group; images without a group all stay.

    Images of one group share camera, size and day, so they are not independent evidence.
    """
    seen: set[tuple[str, int]] = set()
    kept: list[int] = []
    for position, (row, label) in enumerate(zip(found.rows, found.labels, strict=True)):
        group = samples.groups[row]
        if group and (group, int(label)) in seen:
            continue
        seen.add((group, int(label)))
        kept.append(position)
    return found.at(np.array(kept, dtype=np.int64))


def _days(taken: str) -> float:
    if not taken:
        return _NO_DATE
    moment = datetime.fromisoformat(taken)
    return moment.toordinal() + (moment.hour * 3600 + moment.minute * 60 + moment.second) / 86400


def folders_of(samples: Samples, rows: NDArray[np.int64]) -> tuple[str, ...]:
    """[n] the folders of each path without the part's and the class's own."""
    folders: list[list[str]] = []
    for row in rows:
        steps = samples.paths[row].split("/")[:-1]
        if steps and samples.parts[row] and part_of(steps[0]) == samples.parts[row]:
            steps = steps[1:]
        folders.append(steps)
    labels = [int(label) for label in samples.labels[rows]]
    if _first_is_the_class(samples, folders, labels):
        folders = [steps[1:] for steps in folders]
    names = [name.casefold() for name in samples.classes]
    return tuple(
        "/".join(step for step in steps if step.casefold() != names[label])
        for steps, label in zip(folders, labels, strict=True)
    )


def _first_is_the_class(samples: Samples, folders: list[list[str]], labels: list[int]) -> bool:
    """Tell whether the first folder of every path settles the class, in a folder given as DATA.

    Beside a table, a folder that settles the class may be a source of images, which matters.
    """
    if not Path(samples.location).is_dir():
        return False
    label_of: dict[str, int] = {}
    return all(
        steps and label_of.setdefault(steps[0], label) == label
        for steps, label in zip(folders, labels, strict=True)
    )
