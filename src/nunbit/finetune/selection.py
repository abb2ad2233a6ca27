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
class HeadObjective:
    """Objective of a head: the plain cross entropy unless something is set."""

    factors: Tensor | None = None
    """float64 [K] weight of each class's images, 1 in the mean of the training images."""
    adjustment: Tensor | None = None
    """float64 [K] that the loss adds to the logits (Menon et al. 2021). A bias is free of penalty,
    so the fit is the plain one, and its bias less this."""
    focal_gamma: float = 0.0
    """Exponent of the focal loss (Lin et al. 2017)."""

    @property
    def is_plain(self) -> bool:
        """True where a fit minimises the mean cross entropy."""
        return self.factors is None and not self.focal_gamma

    def terms(self, logs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of each image [n], and what its slope by the logits is times, [n].

        `logs` [n] are the logarithms of the true classes' probabilities p. The slope of
        -(1 - p)^g log p is that of -log p times (1 - p)^g - g p (1 - p)^(g - 1) log p.
        """
        p, gamma = logs.exp(), self.focal_gamma
        each = torch.ones_like(logs) if self.factors is None else self.factors.to(logs)[labels]
        if not gamma:
            return -each * logs, each
        missed = (-torch.expm1(logs)).clamp_min(torch.finfo(logs.dtype).tiny)
        slope = missed**gamma - gamma * p * missed ** (gamma - 1) * logs
        return -each * missed**gamma * logs, each * slope

    def on(self, device: torch.device | None) -> HeadObjective:
        """The same on a device."""
        return replace(
            self,
            factors=None if self.factors is None else self.factors.to(device),
            adjustment=None if self.adjustment is None else self.adjustment.to(device),
        )


PLAIN = HeadObjective()


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Standardised features with their classes, on the device."""

    features: Tensor
    """float32 [n, D]"""
    labels: Tensor
    """int64 [n]"""
    objective: HeadObjective = PLAIN

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, rows: Tensor) -> Examples:
        """Some of them."""
        return replace(self, features=self.features[rows], labels=self.labels[rows])


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The layers of a head on standardised features, and how they came to be chosen."""

    layers: tuple[Layer, ...]
    path: tuple[PathPoint, ...]
    chosen_by: ChosenBy


Logits: TypeAlias = Callable[[Tensor], Tensor]


def judged(logits: Logits, examples: Examples) -> tuple[float, float]:
    """Mean cross entropy, weighted like the objective, and fraction of right answers.

    `logits` is [n, D] -> [n, K].
    """
    objective = examples.objective
    with torch.no_grad():
        values = logits(examples.features).double()
        loss = F.cross_entropy(values, examples.labels, weight=objective.factors)
        if objective.adjustment is not None:
            values = values - objective.adjustment
        accuracy = (values.argmax(dim=1) == examples.labels).double().mean()
    return float(loss), float(accuracy)


def best_of(path: Sequence[PathPoint]) -> int:
    """Position of the least loss; of equal ones, the first."""
    return min(range(len(path)), key=lambda i: path[i].loss)


def with_choice(path: Sequence[PathPoint], chosen: int) -> tuple[PathPoint, ...]:
    """The path with one point marked."""
    return tuple(replace(point, chosen=i == chosen) for i, point in enumerate(path))
