"""What a model of the catalogue takes, in small: reduced sizes, random values, real digits."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor

from nunbit.models import ModelInfo
from nunbit.models.info import Shape

SMALL = 32


def reduced(info: ModelInfo, channels: int | None = None) -> Shape:
    """The published input; of large images, the smallest that works, and 32 pixels at least."""
    own = info.input
    if info.takes == "images" and own.height > 64:
        side = max(info.minimum_size, SMALL)
        own = Shape(own.channels, side, side)
    return own if channels is None else own._replace(channels=channels)


def random_inputs(info: ModelInfo, shape: Shape, *, batch: int = 4) -> tuple[Tensor, ...]:
    """What `info` takes, with drawn values; a graph's adjacency is symmetric, of 0 and 1."""
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randn(x.shape, generator=generator) for x in info.example(shape, batch=batch)]
    if info.takes == "graphs":
        upper = (drawn[0] > 1).float().triu(1)
        drawn[0] = upper + upper.transpose(1, 2)
    return tuple(drawn)


@cache
def two_digits() -> tuple[Tensor, Tensor]:
    """The 360 images of 0 and 1 among scikit-learn's digits, [360, 1, 8, 8] in 0 … 1, labels."""
    digits = load_digits()
    rows = digits.target < 2
    images = torch.from_numpy(digits.images[rows]).float().unsqueeze(1) / 16
    return images, torch.from_numpy(digits.target[rows]).long()


def digits_as(info: ModelInfo, shape: Shape) -> tuple[Tensor, ...]:
    """The two digits as what `info` takes: images of `shape`, 64 features, or graphs of pixels."""
    images, _ = two_digits()
    if info.takes == "features":
        return (images.flatten(1),)
    if info.takes == "graphs":
        return _pixel_graphs(images)
    resized = F.interpolate(images, tuple(shape[1:]), mode="bilinear", antialias=True)
    resized = resized.expand(-1, shape.channels, -1, -1).contiguous()
    if info.name in ("rbm", "dbn"):  # whose units take 0 to 1
        return (resized.clamp(0, 1),)
    return ((resized - resized.mean()) / resized.std(),)


def _pixel_graphs(images: Tensor) -> tuple[Tensor, ...]:
    """A node for each inked pixel: adjacency [B, 64, 64], value and place [B, 64, 3], nodes."""
    values = images.flatten(1)
    rows, columns = torch.arange(64) // 8, torch.arange(64) % 8
    distance = (rows[:, None] - rows).abs() + (columns[:, None] - columns).abs()
    nodes = values > 0.25
    adjacency = (distance == 1) * nodes[:, :, None] * nodes[:, None, :]
    places = [((at - 3.5) / 3.5).expand_as(values) for at in (rows, columns)]
    return adjacency.float(), torch.stack([values, *places], dim=-1) * nodes[..., None], nodes
