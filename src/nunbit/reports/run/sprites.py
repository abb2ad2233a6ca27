"""Many small pictures in one: a sheet of which the page shows one cell at a time.

P pictures, H height, W width, C channels.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nunbit.chunks import chunks
from nunbit.reports.kit.pictures import PictureGetter

LARGEST = 48
"""Pixels of a picture's longer side in the sheet."""
BLOCK = 16
"""Pixels of a JPEG's block where colour has half the detail: no cell bleeds into the next."""
CHUNK_SIZE = 64
"""Pictures in memory at a time."""
QUALITY = 80


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A sheet and where its cells are; lengths in pixels of the sheet."""

    address: str
    """data: address."""
    columns: int
    rows: int
    cell: int
    """Side of a cell; the picture lies in its upper left corner."""
    width: int
    """Pixels of a picture."""
    height: int
    """Pixels of a picture."""
    reduced: bool
    """True if pictures were made smaller to fit."""

    def place(self, number: int) -> tuple[int, int]:
        """Column and row of a picture's cell."""
        return number % self.columns, number // self.columns


def make_sheet(pictures: PictureGetter, rows: NDArray[np.int64]) -> Sheet:
    """The pictures of some rows of the data set [P] in one JPEG; P must be positive."""
    columns = math.ceil(len(rows) ** 0.5)
    lines = math.ceil(len(rows) / columns)
    sheet: Image.Image | None = None
    size, full, cell = (0, 0), (0, 0), 0
    for number, picture in enumerate(_each(pictures, rows)):
        if sheet is None:
            full = picture.size
            scale = min(1.0, LARGEST / max(full))
            size = (max(1, round(full[0] * scale)), max(1, round(full[1] * scale)))
            cell = BLOCK * math.ceil(max(size) / BLOCK)
            sheet = Image.new(picture.mode, (columns * cell, lines * cell))
        small = picture if size == full else picture.resize(size, Image.Resampling.LANCZOS)
        sheet.paste(small, (number % columns * cell, number // columns * cell))
    assert sheet is not None, "there are pictures"
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Sheet(
        address=f"data:image/jpeg;base64,{encoded}",
        columns=columns,
        rows=lines,
        cell=cell,
        width=size[0],
        height=size[1],
        reduced=size != full,
    )


def _each(pictures: PictureGetter, rows: NDArray[np.int64]) -> Iterator[Image.Image]:
    for some in chunks(rows, CHUNK_SIZE):
        for picture in pictures(some):
            yield Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
