"""Images whose evidence is known: a small shape at a drawn place on noise, and nothing else.

N images, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

SHAPES = ("cross", "ring", "stripes", "diagonals")
SIDE, NOISE = 9, 0.25
BATCH = 50


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Images of several classes, and where each holds what its class is."""

    images: Tensor
    """float32 [N, C, H, W], roughly of mean 0 and standard deviation 1."""
    labels: Tensor
    """int64 [N]."""
    inside: NDArray[np.bool_]
    """[N, H, W]: the square that holds the shape."""


def draw(count: int, *, seed: int, size: int = 28, channels: int = 1) -> Evidence:
    """So many images, each with one shape of 9 x 9 pixels anywhere."""
    generator = np.random.default_rng(seed)
    images = generator.normal(0, NOISE, (count, channels, size, size)).astype(np.float32)
    labels = generator.integers(len(SHAPES), size=count)
    places = generator.integers(size - SIDE + 1, size=(count, 2))
    inside = np.zeros((count, size, size), dtype=bool)
    for image, label, (row, column), mask in zip(images, labels, places, inside, strict=True):
        here = (slice(row, row + SIDE), slice(column, column + SIDE))
        image[:, *here] += _shape(SHAPES[label])
        mask[here] = True
    return Evidence(
        images=torch.from_numpy(images / images.std()),
        labels=torch.from_numpy(labels),
        inside=inside,
    )


def small_network(*, seed: int) -> nn.Module:
    """Three convolutions with in-place ReLUs, last maps of 7 x 7 for 28 x 28."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            *_stage(1, 16), nn.MaxPool2d(2), *_stage(16, 32), nn.MaxPool2d(2), *_stage(32, 32),
            nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(32, len(SHAPES)),
        )  # fmt: skip


def fit(model: nn.Module, seen: Evidence, *, epochs: int, seed: int) -> None:
    """Adam with one falling cycle; afterwards in evaluation mode."""
    steps = epochs * -(-len(seen.labels) // BATCH)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, steps)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(seen.labels), generator=generator).split(BATCH):
            loss = F.cross_entropy(model(seen.images[rows]), seen.labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    model.eval()


def accuracy(model: nn.Module, shown: Evidence) -> float:
    """Share of the images that are recognised."""
    with torch.no_grad():
        return float((model(shown.images).argmax(1) == shown.labels).float().mean())


def mass_inside(maps: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of a map's positive part that lies in the evidence, [N]; NaN for an empty map."""
    positive = np.clip(maps.astype(np.float64), 0, None)
    total = positive.sum(axis=(1, 2))
    within = (positive * inside).sum(axis=(1, 2))
    return np.divide(within, total, out=np.full(len(maps), np.nan), where=total > 0)


def _stage(channels_in: int, channels_out: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)


def _shape(name: str) -> NDArray[np.float32]:
    """[9, 9] of 0 and 1."""
    rows, columns = np.indices((SIDE, SIDE)) - SIDE // 2
    largest = np.maximum(abs(rows), abs(columns))
    drawn = {
        "cross": (rows == 0) | (columns == 0),
        "ring": largest == SIDE // 2,
        "stripes": rows % 2 == 0,
        "diagonals": abs(rows) == abs(columns),
    }[name]
    return drawn.astype(np.float32)
