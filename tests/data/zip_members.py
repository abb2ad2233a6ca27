"""The whole of a kind of storage, in a module of its own that decoding processes import quickly."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from nunbit.data.storage import EncodedImages
from nunbit.errors import UnusableImage


@dataclass(frozen=True, kw_only=True)
class ZipMembers(EncodedImages):
    """Images that are members of a zip archive."""

    archive: Path
    members: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.members)

    def read(self, row: int) -> bytes:
        try:
            with zipfile.ZipFile(self.archive) as opened:
                return opened.read(self.members[row])
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise UnusableImage(f"unreadable: {error}") from None

    def name(self, row: int) -> str:
        return PurePosixPath(self.members[row]).name

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> ZipMembers:
        return ZipMembers(archive=self.archive, members=tuple(self.members[i] for i in rows))

    def file(self, row: int) -> Path:
        return self.archive
