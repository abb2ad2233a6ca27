"""Small images as batches, for the tests of features."""

from __future__ import annotations

import numpy as np
import torch

from nunbit.data.batches import Batches
from nunbit.data.pixels import ArrayPixels
from nunbit.data.preprocess import Preprocess

N = 23
CONTRACT = Preprocess(height=28, width=28, channels=1, mean=(0.3,), std=(0.4,))
SHA256 = tuple(f"{row:064x}" for row in range(N))


def batches_of(
    rows: range | list[int] = range(N), *, batch_size: int = 5, preprocess: Preprocess = CONTRACT
) -> Batches:
    """Noise, the same for the same row."""
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (N, 28, 28, 1)).astype(np.uint8)
    return Batches(
        pixels=ArrayPixels(array, reasons=("",) * N, preprocess=preprocess),
        preprocess=preprocess,
        rows=np.array(rows, dtype=np.int64),
        labels=np.arange(N, dtype=np.int64) % 3,
        batch_size=batch_size,
        device=torch.device("cpu"),
    )


def images_of(batches: Batches) -> torch.Tensor:
    return torch.cat([batch.images for batch in batches])
