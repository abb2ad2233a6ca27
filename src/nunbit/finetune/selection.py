"""Selection of a head: candidates in a row, each with its numbers, one of them chosen.

n images, D features, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

ChosenBy: TypeAlias = Literal["validation", "cross-validation", "nothing"]
Layer: TypeAlias = tuple[Tensor, Tensor]
"""Weight [out, in] and bias [out]."""


@dataclass(frozen=True, kw_only=True)
class PathPoint:
    """One candidate on the way to a head."""

    strength: float
    """Strength of the L2 penalty (logistic) or the weight decay (linear, mlp)."""
    epoch: int
    """0 for logistic."""
    train_loss: float
    train_accuracy: float
    loss: float
    """Cross entropy on the validation part, or cross-validated; else that of training."""
    accuracy: float
    """Share of right answers there."""
    chosen: bool = False


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Standardised features with their classes, on the device."""

    features: Tensor
    """float32 [n, D]"""
    labels: Tensor
    """int64 [n]"""

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, rows: Tensor) -> Examples:
        """Some of them."""
        return Examples(features=self.features[rows], labels=self.labels[rows])


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The layers of a head on standardised features, and how they came to be chosen."""

    layers: tuple[Layer, ...]
    path: tuple[PathPoint, ...]
    chosen_by: ChosenBy


Logits: TypeAlias = Callable[[Tensor], Tensor]


def judged(logits: Logits, examples: Examples) -> tuple[float, float]:
    """Mean cross entropy and fraction of right answers of [n, D] -> [n, K]."""
    with torch.no_grad():
        values = logits(examples.features).double()
        loss = F.cross_entropy(values, examples.labels)
        accuracy = (values.argmax(dim=1) == examples.labels).double().mean()
    return float(loss), float(accuracy)


def best_of(path: Sequence[PathPoint]) -> int:
    """Position of the least loss; of equal ones, the first."""
    return min(range(len(path)), key=lambda i: path[i].loss)


def with_choice(path: Sequence[PathPoint], chosen: int) -> tuple[PathPoint, ...]:
    """The path with one point marked."""
    return tuple(replace(point, chosen=i == chosen) for i, point in enumerate(path))
