"""Everything that changes while training, so that all of it can be saved and restored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nunbit.errors import TrainingError


@dataclass(kw_only=True)
class EpochSums:
    """Sums over the current epoch so far; ratios are formed at its end."""

    loss: float = 0.0
    """Sum over images."""
    correct: int = 0
    images: int = 0
    seconds: float = 0.0

    def add(self, loss: float, correct: int, images: int) -> None:
        """Count one batch, given its mean loss."""
        self.loss += loss * images
        self.correct += correct
        self.images += images


@dataclass(kw_only=True)
class Best:
    """The best value of the monitored number so far, and the epoch whose weights are kept.

    They are of different epochs where a later one counts as equally good: see `SaveBest`.
    """

    value: float | None = None
    epoch: int = 0
    """Kept; 0 is what the training began with."""
    reached: int = 0
    """The epoch of `value`."""


@dataclass(kw_only=True)
class Plateau:
    """State of the reduction on a plateau."""

    factor: float = 1.0
    """Factor on the learning rate."""
    best: float | None = None
    waited: int = 0


@dataclass(kw_only=True)
class TrainingState:
    """Networks, optimiser and position; the position is the next batch to be trained on."""

    model: nn.Module
    optimizer: Optimizer
    average: AveragedModel | None = None
    """Exponential moving average of the weights, where one is kept."""
    epoch: int = 1
    batch: int = 0
    elapsed_seconds: float = 0.0
    """Seconds of training, over all processes that took part."""
    sums: EpochSums = field(default_factory=EpochSums)
    best: Best = field(default_factory=Best)
    plateau: Plateau = field(default_factory=Plateau)
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)
    """The lines of metrics.jsonl."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """Actions of callbacks that a reader of the curves should know; see `happened`."""

    def happened(self, record: Mapping[str, float], kind: str, text: str) -> None:
        """Remember an event at the end of an epoch, as plain values: epoch, kind and text."""
        self.events.append({"epoch": int(record["epoch"]), "kind": kind, "text": text})

    @property
    def evaluated_model(self) -> nn.Module:
        """The network that is validated and deployed: the average where there is one."""
        return self.model if self.average is None else self.average.module

    def position(self) -> dict[str, Any]:
        """All but the tensors, as plain values for JSON."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "elapsed_seconds": self.elapsed_seconds,
            "finished": self.finished,
            "sums": asdict(self.sums),
            "best": asdict(self.best),
            "plateau": asdict(self.plateau),
            "history": self.history,
            "events": self.events,
        }

    def restore_position(self, position: dict[str, Any]) -> None:
        """Take over what `position` gave."""
        self.epoch = position["epoch"]
        self.batch = position["batch"]
        self.elapsed_seconds = position["elapsed_seconds"]
        self.finished = position["finished"]
        self.sums = EpochSums(**position["sums"])
        self.best = Best(**position["best"])
        self.plateau = Plateau(**position["plateau"])
        self.history = position["history"]
        self.events = position.get("events", [])  # checkpoints of before had none


def make_average(model: nn.Module, decay: float) -> AveragedModel | None:
    """An exponential moving average of weights and buffers, or None where decay is 0."""
    if decay == 0:
        return None
    update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)


def check_loss_is_finite(loss: float, *, epoch: int, batch: int, learning_rate: float) -> None:
    """Stop a training whose loss is no longer a number.

    Raises:
        TrainingError: naming epoch, batch and the likely cause.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss became {loss} in epoch {epoch}, batch {batch}",
            remedy=f"the learning rate ({learning_rate:.2g} at that step) is probably too high: "
            "try --set training.learning_rate with a tenth of it, or "
            "--set training.gradient_clip=1",
        )


def check_validation_loss_is_finite(loss: float, *, epoch: int) -> None:
    """Stop a training whose network answers validation images with what is not a number.

    No later epoch could count as better than such a loss, and no report could be written.

    Raises:
        TrainingError: naming epoch and the likely cause.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            f"the validation loss became {loss} in epoch {epoch}",
            remedy="the learning rate is probably too high: try --set training.learning_rate with "
            "a tenth of it",
        )
