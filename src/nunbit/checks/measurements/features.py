"""Numbers that describe a picture without any training: edges by direction, and brightness.

B images in a batch, H height, W width, C channels, g cells each way, D values of a description.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nunbit.chunks import chunks
from nunbit.data.near_duplicates.signatures import averaged

Floats = NDArray[np.float32]

SIDE = 64
"""Larger pictures are first made so small, pixels."""
DIRECTIONS = 9
COLOUR_CELLS = 4
_CHUNK_PIXELS = 500_000


def describe(canvases: NDArray[np.uint8]) -> Floats:
    """uint8 [B, H, W, C] to float32 [B, D].

    Histograms of oriented gradients (Dalal and Triggs 2005) in 4 to 7 cells each way, each set
    against its surroundings and square-rooted; with the mean brightness of each cell, and for
    colour images the mean colours of 4 x 4 cells. On Fashion-MNIST a linear classifier gets 88 %
    from them, where it gets 81 % from the pixels.
    """
    size = max(1, _CHUNK_PIXELS // (canvases.shape[1] * canvases.shape[2]))
    return np.concatenate([_described(part) for part in chunks(canvases, size)])


def _described(canvases: NDArray[np.uint8]) -> Floats:
    planes: Floats = np.moveaxis(canvases, 3, 1).astype(np.float32) / np.float32(255)
    height, width = min(planes.shape[2], SIDE), min(planes.shape[3], SIDE)
    if (height, width) != planes.shape[2:]:
        planes = averaged(planes, height, width)
    grey: Floats = planes.mean(axis=1, dtype=np.float32)
    cells = _cells(height), _cells(width)
    values = [np.sqrt(_directions(grey, cells)), averaged(grey, *cells)]
    if planes.shape[1] > 1:
        values.append(averaged(planes - grey[:, None], COLOUR_CELLS, COLOUR_CELLS))
    return np.concatenate([value.reshape(len(grey), -1) for value in values], axis=1)


def _cells(length: int) -> int:
    return int(np.clip(length // 4, 4, 7))


def _directions(grey: Floats, cells: tuple[int, int]) -> Floats:
    """[B, H, W] to [B, directions, g, g] in 0..1: edges of each direction in each cell."""
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    strength = np.hypot(across, down)
    direction = np.mod(np.arctan2(down, across), np.pi) * (DIRECTIONS / np.pi)
    found = np.empty((len(grey), DIRECTIONS, *cells), dtype=np.float32)
    for number in range(DIRECTIONS):
        away = np.abs(direction - number)
        fraction = np.maximum(0, 1 - np.minimum(away, DIRECTIONS - away))
        found[:, number] = averaged(strength * fraction, *cells)
    energy = np.pad(np.square(found).sum(axis=1), ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = sum(
        energy[:, dy : dy + cells[0], dx : dx + cells[1]] for dy in range(3) for dx in range(3)
    )
    return np.asarray(np.minimum(found / np.sqrt(around / 9 + 1e-3)[:, None], 1), np.float32)
