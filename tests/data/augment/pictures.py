"""Pictures and generators for the tests of operations."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nunbit.data.augment import COMBINATIONS, OPERATIONS, Operation


def generator(seed: int = 0, device: str = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def noisy(batch: int = 64, channels: int = 3, height: int = 12, width: int = 10) -> Tensor:
    """Every grey level, without order: uint8 [B, C, H, W]."""
    shape = (batch, channels, height, width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator(1))


def smooth(batch: int = 6, channels: int = 3, height: int = 40, width: int = 32) -> Tensor:
    """Slow changes, as in photographs, so that a small error of place is a small error of level."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (batch, channels, 5, 4)).astype(np.uint8)
    size = (width, height)
    planes = [
        np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC))
        for plane in small.reshape(-1, 5, 4)
    ]
    return torch.from_numpy(np.stack(planes).reshape(batch, channels, height, width))


def every_operation() -> dict[str, Operation]:
    """One of each kind, with usual parameters, that changes every image."""
    made: dict[str, Operation] = {name: kind(probability=1.0) for name, kind in OPERATIONS.items()}
    parts = (OPERATIONS["shift"](fraction=0.3), OPERATIONS["brightness-range"](factor=(0.3, 1.7)))
    return made | {name: kind(operations=parts) for name, kind in COMBINATIONS.items()}
