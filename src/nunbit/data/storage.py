"""The places where images are kept: each kind of storage is one class.

`nunbit.types.ImageStore` is what all others ask of a storage. A new kind whose images are encoded
(an archive, shards, bytes in a table) derives from `EncodedImages` and defines `__len__`, `read`,
`name` and `take`; nothing outside the class has to know it. Decoding processes get a pickled copy,
so a storage must be picklable; what cannot be pickled, such as an open file, is opened in `read`.
"""

from __future__ import annotations

import hashlib
import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nunbit.data.decoding import facts, read_image_bytes
from nunbit.errors import UnusableImage
from nunbit.types import FileRecord, ImageFacts, ImageStore


class EncodedImages(ABC):
    """Images that are kept as the bytes of image files, wherever these lie."""

    decoded: ClassVar[bool] = False

    @abstractmethod
    def __len__(self) -> int:
        """Number of images N."""

    @abstractmethod
    def read(self, row: int) -> bytes:
        """The bytes of one image. Raises `UnusableImage` where they cannot be had."""

    @abstractmethod
    def name(self, row: int) -> str:
        """File name of one image, with its extension."""

    @abstractmethod
    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> ImageStore:
        """A storage of some of the images, in the order of `rows`."""

    def facts(self, row: int) -> FileRecord:
        """Digest and header of one image; never raises for an image."""
        try:
            data = self.read(row)
        except UnusableImage as error:
            return FileRecord(sha256="", facts=None, reason=error.what)
        digest = hashlib.sha256(data).hexdigest()
        try:
            return FileRecord(sha256=digest, facts=facts(data), reason="")
        except UnusableImage as error:
            return FileRecord(sha256=digest, facts=None, reason=error.what)

    def file(self, row: int) -> Path | None:  # noqa: ARG002 - for storages that have files
        """The file that holds the image, whose change may change it; None where there is none."""
        return None

    def whole(self) -> NDArray[np.uint8] | None:
        """None: there is no array of these images before they are decoded."""
        return None

    def write(self, row: int, target: Path) -> None:
        """Copy one image to a new file. Raises `OSError` or `UnusableImage`."""
        target.write_bytes(self.read(row))


@dataclass(frozen=True, kw_only=True)
class ImageFiles(EncodedImages):
    """Images that are files of their own; `files[i]` belongs to row i."""

    files: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.files)

    def read(self, row: int) -> bytes:
        """The content of the file. Raises `UnusableImage`."""
        return read_image_bytes(self.files[row])

    def name(self, row: int) -> str:
        """Name of the file without its folders."""
        return self.files[row].name

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> ImageFiles:
        """Some of the files."""
        return ImageFiles(files=tuple(self.files[row] for row in rows))

    def file(self, row: int) -> Path:
        """The file itself."""
        return self.files[row]

    def write(self, row: int, target: Path) -> None:
        """Copy the file with its times. Raises `OSError`."""
        shutil.copy2(self.files[row], target)


@dataclass(frozen=True, kw_only=True)
class FilesBelow(EncodedImages):
    """Image files by their paths below a folder: a table may name millions that are missing."""

    root: Path
    paths: tuple[str, ...]
    """[N] relative to the root."""

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, row: int) -> bytes:
        """The content of the file. Raises `UnusableImage`."""
        return read_image_bytes(self.file(row))

    def name(self, row: int) -> str:
        """Name of the file without its folders."""
        return self.paths[row].rpartition("/")[2]

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> FilesBelow:
        """Some of the files."""
        return FilesBelow(root=self.root, paths=tuple(self.paths[row] for row in rows))

    def file(self, row: int) -> Path:
        """The file itself."""
        return self.root / self.paths[row]

    def write(self, row: int, target: Path) -> None:
        """Copy the file with its times. Raises `OSError`."""
        shutil.copy2(self.file(row), target)


@dataclass(frozen=True, kw_only=True)
class ImageArrays:
    """Images that are one array in memory: uint8 [N, H, W, C], C = 1 or 3."""

    array: NDArray[np.uint8]
    decoded: ClassVar[bool] = True

    def __len__(self) -> int:
        return len(self.array)

    def read(self, row: int) -> NDArray[np.uint8]:
        """Pixels of one image, uint8 [H, W, C]; a view."""
        image: NDArray[np.uint8] = self.array[row]
        return image

    def facts(self, row: int) -> FileRecord:
        """Digest of the image's shape and bytes, and what is known of every image."""
        shape, image_facts = self._common
        digest = hashlib.sha256(shape + self.array[row].tobytes()).hexdigest()
        return FileRecord(sha256=digest, facts=image_facts, reason="")

    @cached_property
    def _common(self) -> tuple[bytes, ImageFacts]:
        """Shape and facts, which are the same for all rows."""
        height, width, channels = self.array.shape[1:]
        same = ImageFacts(
            width=width,
            height=height,
            mode="L" if channels == 1 else "RGB",
            format="array",
            frames=1,
            bytes=height * width * channels,
            rotated=False,
            transparent=False,
        )
        return str(self.array.shape[1:]).encode(), same

    def name(self, row: int) -> str:
        """A file name made of the row's number, since a row of an array has none of its own."""
        return f"{row:05}.png"

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> ImageArrays:
        """A copy of some of the images."""
        return ImageArrays(array=self.array[np.asarray(rows, dtype=np.int64)])

    def file(self, row: int) -> None:  # noqa: ARG002 - see the protocol
        """None: the array is in memory."""
        return

    def whole(self) -> NDArray[np.uint8]:
        """The array itself, uint8 [N, H, W, C]."""
        return self.array

    def write(self, row: int, target: Path) -> None:
        """Write one image as PNG. Raises `OSError`."""
        pixels = self.array[row]
        Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(target)
