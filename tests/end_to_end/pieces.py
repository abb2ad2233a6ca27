"""A small set of real photographs that every machine with scikit-learn has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

PIECES = 24
CLASSES = ("flower", "temple")


def write_pieces(folder: Path) -> Path:
    """Pieces of two photographs: a temple, a flower; `PIECES` of each, in class folders."""
    random = np.random.default_rng(0)
    for name, photograph in zip(("temple", "flower"), load_sample_images().images, strict=True):
        (folder / name).mkdir(parents=True)
        for number in range(PIECES):
            top, left = random.integers(0, 427 - 160), random.integers(0, 640 - 200)
            piece = photograph[top : top + 160, left : left + 200]
            Image.fromarray(piece).save(folder / name / f"{number:02d}.png")
    return folder
