"""Rows of a source before its class names are settled.

N rows found, R raw class names as they are in the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from nunbit.data.storage import ImageFiles
from nunbit.types import ImageStore

Place = TypeVar("Place")
"""Place where one image is kept."""


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Options of the user for reading a source."""

    label_from: str | None = None
    """Pattern of file names, such as `{label}.{number}.jpg`."""
    group_from: str | None = None
    """Regular expression on the relative path, or for tables a column."""
    parts: str | None = None
    """Folders that are parts, such as `fold1=train,fold2=test`; `none` where they are classes."""
    exclude: str | None = None
    """Files to leave out: patterns of their names or paths, separated by commas."""
    path_column: str | None = None
    """Column of a table that names the images."""
    label_column: str | None = None
    """Column of a table that holds the labels."""
    image_root: Path | None = None
    """Folder to which the paths in a table are relative; None for the table's own."""
    renamed: bool = False
    """True where a label map names the classes."""
    header: bool = True
    """True if the first line of a table names its columns."""


@dataclass(frozen=True, kw_only=True)
class RawSamples:
    """Rows of a source with raw class names; `build_samples` makes `Samples` of it."""

    images: ImageStore
    paths: tuple[str, ...]
    names: tuple[str, ...]
    """[R] raw class names as found, each once; some may have no row."""
    labels: NDArray[np.int64]
    """[N] index into `names`, -1 for none."""
    parts: tuple[str, ...]
    groups: tuple[str, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """Remarks on what may make a result wrong or is left out on nobody's request."""
    in_order: bool = False
    """True if the order of `names` is the order of the classes (numbered labels)."""
    groups_settled: bool = False
    """True if `group_from` has been used already."""
    hint: str = ""
    """Remedy if this turns out to hold fewer than two classes."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """[N] each: what else a table says about the images."""


@dataclass
class Rows(Generic[Place]):
    """Collects the rows of a source, one `add` for each image."""

    store: Callable[[tuple[Place, ...]], ImageStore]
    """Makes the storage of the images from their places, such as files or members of an archive."""
    places: list[Place] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    labels: list[int] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def add(
        self,
        path: str,
        place: Place,
        *,
        name: str | None,
        part: str = "",
        group: str = "",
        reason: str = "",
    ) -> None:
        """Append one row; `name` is the raw class name, None where there is none."""
        self.paths.append(path)
        self.places.append(place)
        self.labels.append(-1 if name is None else self.names.setdefault(name, len(self.names)))
        self.parts.append(part)
        self.groups.append(group)
        self.reasons.append(reason)

    def raw_samples(
        self,
        *,
        notes: Sequence[str] = (),
        warnings: Sequence[str] = (),
        hint: str = "",
        groups_settled: bool = False,
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> RawSamples:
        """The rows collected so far, in the order of their paths.

        `columns` hold a value for each of the rows, in the order in which they were added.
        """
        order = sorted(range(len(self.paths)), key=self.paths.__getitem__)
        return RawSamples(
            images=self.store(tuple(self.places[i] for i in order)),
            paths=tuple(self.paths[i] for i in order),
            names=tuple(self.names),
            labels=np.array([self.labels[i] for i in order], dtype=np.int64),
            parts=tuple(self.parts[i] for i in order),
            groups=tuple(self.groups[i] for i in order),
            reasons=tuple(self.reasons[i] for i in order),
            notes=tuple(notes),
            warnings=tuple(warnings),
            hint=hint,
            groups_settled=groups_settled,
            columns={
                name: tuple(values[i] for i in order) for name, values in (columns or {}).items()
            },
        )


class FileRows(Rows[Path]):
    """Rows whose images are files."""

    def __init__(self) -> None:
        super().__init__(store=lambda files: ImageFiles(files=files))
