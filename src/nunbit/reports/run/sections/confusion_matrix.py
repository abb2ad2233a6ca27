"""The confusion matrix twice: how many images, and which fraction of the true class.

K classes; a matrix is [K, K], row: true class, column: predicted class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from nunbit.formatting import count, percent
from nunbit.reports.kit import exact_png_address, render

MAX_TABLE_CLASSES = 20
"""Up to so many classes the matrices are tables with numbers, beyond pictures."""
MAX_LABELLED_CLASSES = 200
"""Up to so many classes the pictures carry their names."""
# The placeholders of the theme cannot reach into a bitmap, so these two hues are chosen to read
# on light and dark paper alike; how much of them shows is the pixel's opacity.
RIGHT_COLOUR, WRONG_COLOUR = (43, 132, 198), (219, 109, 40)


@dataclass(frozen=True, kw_only=True)
class Matrices:
    """Both matrices as HTML."""

    counts: Markup
    shares: Markup
    as_picture: bool
    largest_count: int
    """Largest count of the mistakes."""
    largest_share: float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of a table."""

    text: str
    description: str
    empty: bool
    shade: float
    """0..1, how strongly it is coloured."""
    right: bool


def draw_matrices(names: list[str], matrix: NDArray[np.int64]) -> Matrices:
    """Tables of numbers for few classes, pictures for many; `names` [K] in the order of `matrix`.

    Right answers are shaded by their share of the row, or of the largest count; mistakes relative
    to the largest mistake, else none would be seen.
    """
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    mistakes = ~np.eye(len(names), dtype=bool)
    largest_count = int(matrix[mistakes].max(initial=0))
    largest_share = float(shares[mistakes].max(initial=0))
    of_counts = _shades(matrix / max(int(matrix.max()), 1), matrix, largest_count)
    of_shares = _shades(shares, shares, largest_share)
    as_picture = len(names) > MAX_TABLE_CLASSES
    return Matrices(
        counts=_picture(names, of_counts, "number of images")
        if as_picture
        else _table(names, _count_cells(names, matrix, shares, of_counts), "Number of test images"),
        shares=_picture(names, of_shares, "fraction of the true class")
        if as_picture
        else _table(names, _share_cells(names, matrix, shares, of_shares), "Percent of the row"),
        as_picture=as_picture,
        largest_count=largest_count,
        largest_share=largest_share,
    )


def _shades(
    right: NDArray[np.float64],
    values: NDArray[np.int64] | NDArray[np.float64],
    largest: float,
) -> NDArray[np.float64]:
    diagonal = np.eye(len(values), dtype=bool)
    return np.asarray(np.where(diagonal, right, values / largest if largest else 0.0))


def _count_cells(
    names: list[str],
    matrix: NDArray[np.int64],
    shares: NDArray[np.float64],
    shades: NDArray[np.float64],
) -> list[list[Cell]]:
    return [
        [
            Cell(
                text=count(int(matrix[i, j])),
                description=f"{true} predicted as {predicted}: {count(int(matrix[i, j]))}, "
                f"{percent(float(shares[i, j]))}",
                empty=not matrix[i, j],
                shade=float(shades[i, j]),
                right=i == j,
            )
            for j, predicted in enumerate(names)
        ]
        for i, true in enumerate(names)
    ]


def _share_cells(
    names: list[str],
    matrix: NDArray[np.int64],
    shares: NDArray[np.float64],
    shades: NDArray[np.float64],
) -> list[list[Cell]]:
    of = matrix.sum(axis=1)
    return [
        [
            Cell(
                # A class without images has no shares.
                text=percent(float(shares[i, j])).removesuffix(" %") if of[i] else "–",
                description=f"{true} taken for {predicted}: {percent(float(shares[i, j]))} of "
                f"{count(int(of[i]), 'image')}",
                empty=not matrix[i, j],
                shade=float(shades[i, j]),
                right=i == j,
            )
            for j, predicted in enumerate(names)
        ]
        for i, true in enumerate(names)
    ]


def _table(names: list[str], cells: list[list[Cell]], caption: str) -> Markup:
    rows = list(zip(names, cells, strict=True))
    return render("run/confusion_table", names=names, rows=rows, caption=caption)


def _picture(names: list[str], shades: NDArray[np.float64], shows: str) -> Markup:
    pixels = np.zeros((*shades.shape, 4), dtype=np.uint8)
    pixels[..., :3] = np.where(np.eye(len(names))[..., None] > 0, RIGHT_COLOUR, WRONG_COLOUR)
    pixels[..., 3] = np.rint(255 * shades)
    labelled = len(names) <= MAX_LABELLED_CLASSES
    longest = max(len(name) for name in names)
    return render(
        "run/confusion_picture",
        names=names if labelled else [],
        classes=len(names),
        shows=shows,
        cell=_cell_side(len(names)),
        margin=min(longest, 22) * 5 + 14 if labelled else 4,
        source=exact_png_address(pixels),
    )


def _cell_side(classes: int) -> int:
    """Screen pixels of a cell: 100 classes fill the page's width, more classes scroll."""
    if classes > MAX_LABELLED_CLASSES:
        return 2
    return 8 if classes > 60 else 12
