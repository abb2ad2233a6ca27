"""Settings of a head that is not fitted as logistic regression."""

from __future__ import annotations

from dataclasses import dataclass

from nunbit.training.optim import USUAL_LEARNING_RATE

HIDDEN = 256
"""Units of the hidden layer of `mlp`."""


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """Settings of `linear` and `mlp` heads; `logistic` takes none of them.

    Raises ValueError for an unknown optimiser, or numbers that cannot be.
    """

    hidden: int = HIDDEN
    """Units of the hidden layer of `mlp`."""
    optimizer: str = "adamw"
    learning_rate: float | None = None
    """Highest of the schedule; None: the optimiser's usual one."""
    schedule: str = "one-cycle"
    warmup_fraction: float = 0.2
    weight_decay: float = 0.01
    epochs: int = 60
    batch_size: int | None = None
    """None: 32 below 2,000 images, else 256."""

    def __post_init__(self) -> None:
        if self.optimizer not in USUAL_LEARNING_RATE:
            raise ValueError(f"unknown optimiser {self.optimizer!r}")
        counts = (self.hidden, self.epochs, 1 if self.batch_size is None else self.batch_size)
        if min(counts) < 1:
            raise ValueError("hidden units, epochs and images in a batch are at least one")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ValueError(f"a learning rate is positive, not {self.learning_rate}")
