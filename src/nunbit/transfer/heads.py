"""Heads on features: fitted in seconds, then put into the network.

n images, D features, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

HeadKind: TypeAlias = Literal["logistic", "linear", "mlp"]
HIDDEN = 256
"""Units of the hidden layer of `mlp`; create_model(..., head_hidden=HIDDEN)."""


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Features of some images with their classes."""

    features: NDArray[np.float32]
    """[n, D]"""
    labels: NDArray[np.int64]
    """[n] class of each."""


@dataclass(frozen=True, kw_only=True)
class PathPoint:
    """One candidate on the way to a head."""

    strength: float
    """Of the L2 penalty (logistic) or the weight decay (linear, mlp)."""
    epoch: int
    """0 for logistic."""
    train_loss: float
    train_accuracy: float
    loss: float
    """Cross entropy on the validation part, or cross-validated."""
    accuracy: float
    """Share on the validation part, or cross-validated."""
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class FittedHead:
    """Layers from features [n, D] to logits [n, K], with ReLU between them."""

    kind: HeadKind
    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    """Weight [out, in] and bias [out] of each, on features as the network makes them."""
    path: tuple[PathPoint, ...]
    """What was tried, in order; one is chosen."""
    chosen_by: Literal["validation", "cross-validation", "nothing"]

    @property
    def chosen(self) -> PathPoint:
        """The candidate that became the head."""
        return next(point for point in self.path if point.chosen)

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, D] -> [n, K]."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """How `linear` and `mlp` are trained; logistic takes none of it."""

    hidden: int = HIDDEN
    optimizer: str = "adamw"
    learning_rate: float | None = None
    """None: the optimiser's usual one."""
    schedule: str = "one-cycle"
    warmup_fraction: float = 0.2
    weight_decay: float = 0.01
    epochs: int = 60
    batch_size: int = 32


def fit_head(
    kind: HeadKind,
    train: Labelled,
    validation: Labelled | None,
    *,
    classes: int,
    seed: int,
    settings: HeadSettings | None = None,
    device: torch.device | None = None,
) -> FittedHead:
    """Fit a head; what the data do not say is chosen on `validation`, else cross-validated.

    Features are standardised by the training part, and the standardisation is folded into the
    first layer. Deterministic: the same for the same seed and data.

    Raises:
        ValueError: for features that are not numbers, or no image at all.
    """
    raise NotImplementedError
