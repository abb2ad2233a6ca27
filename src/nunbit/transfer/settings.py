"""How a head is trained that is not fitted in closed form."""

from __future__ import annotations

from dataclasses import dataclass

HIDDEN = 256
"""Units of the hidden layer of `mlp`."""


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """How `linear` and `mlp` are trained; `logistic` takes none of it."""

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
