"""Actions at the end of an epoch: plain objects, one clear moment each.

Each looks at the epoch's record and the training state, and keeps what it must remember in the
state, so that a resumed run decides as an uninterrupted one.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nunbit.errors import ConfigError
from nunbit.training.checkpoint import forget_later, previous_of, save_checkpoint
from nunbit.training.state import TrainingState

Mode = Literal["min", "max"]


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """The number of an epoch's record that says how good the epoch was."""

    name: str
    mode: Mode

    def value(self, record: Mapping[str, float]) -> float:
        """The number in a record.

        Raises:
            ConfigError: when the run does not record it.
        """
        if self.name not in record:
            raise ConfigError(
                f"{self.name} cannot be monitored: this run has no validation part",
                remedy="set checkpoint.monitor to train_loss or train_accuracy",
            )
        return record[self.name]

    def better(self, value: float, than: float | None) -> bool:
        """Tell whether `value` is at least as good as the best; a tie goes to the later epoch."""
        if than is None:
            return True
        return value <= than if self.mode == "min" else value >= than

    def strictly_better(self, value: float, than: float | None) -> bool:
        """Tell whether `value` is an improvement; a tie is none."""
        return than is None or (value < than if self.mode == "min" else value > than)


ACCURACY = Monitor(name="validation_accuracy", mode="max")
"""A fraction of images that were not trained on, so that its standard error is known."""


@dataclass(frozen=True, kw_only=True)
class SaveBest:
    """Keep the best epoch in a folder of its own: the latest that cannot be told from the best.

    Of many epochs on few validation images, the one that comes first owes it to luck as well, and
    earlier ones stand on a higher learning rate. So an epoch counts as equally good within
    `tolerance` standard errors, sqrt(p (1 - p) / `images`), of the best validation accuracy p so
    far (the one-standard-error rule of Breiman et al. 1984, "Classification and Regression Trees",
    section 3.4.3, in favour of the later epoch). Any other number must be at least as good.
    """

    monitor: Monitor
    folder: Path
    tolerance: float = 0.0
    images: int = 0
    """Images of the validation part."""

    def epoch_ended(self, state: TrainingState, record: Mapping[str, float]) -> None:
        """Save if the epoch is at least as good as all before it, or too close to the best."""
        value, epoch, best = self.monitor.value(record), int(record["epoch"]), state.best
        forget_later(self.folder, best.epoch)
        if self.monitor.better(value, best.value):
            best.value, best.reached = value, epoch
        elif not self._as_good(value, best.value):
            return
        best.epoch = epoch
        save_checkpoint(self.folder, state)

    def _as_good(self, value: float, best: float | None) -> bool:
        """Tell whether an accuracy that is not the best cannot be distinguished from it."""
        if best is None or self.monitor != ACCURACY or not self.images:
            return False
        return value >= best - self.tolerance * standard_error(best, self.images)


def standard_error(accuracy: float, images: int) -> float:
    """Standard error of an accuracy, 0 to 1, on so many images."""
    return math.sqrt(accuracy * (1 - accuracy) / images)


@dataclass(frozen=True, kw_only=True)
class KeepEpochs:
    """Keep epochs under names of their own, made from a template and the epoch's record."""

    folder: Path
    template: str
    weights_only: bool
    only_improved: bool

    def epoch_ended(self, state: TrainingState, record: Mapping[str, float]) -> None:
        """Save the epoch, or only when it is the best so far.

        Raises:
            ConfigError: when the template names a field that the record lacks.
        """
        if self.only_improved and state.best.reached != int(record["epoch"]):
            return
        fields = {**record, "epoch": int(record["epoch"])}
        try:
            name = self.template.format(**fields)
        except (KeyError, ValueError, IndexError) as error:
            raise ConfigError(
                f"checkpoint.template = {self.template!r} cannot be filled in: {error}",
                remedy=f"fields: {', '.join(fields)}",
            ) from None
        folder = self.folder / name
        save_checkpoint(folder, state, weights_only=self.weights_only)
        # A resumed run may write an epoch for the second time.
        shutil.rmtree(previous_of(folder), ignore_errors=True)
        state.happened(record, "kept", f"kept as {name}")


@dataclass(frozen=True, kw_only=True)
class ReduceOnPlateau:
    """Lower the learning rate when the monitored number has not improved for some epochs."""

    monitor: Monitor
    patience: int
    factor: float
    base_learning_rate: float
    minimum: float

    def epoch_ended(self, state: TrainingState, record: Mapping[str, float]) -> None:
        """Count the epochs without improvement and reduce after `patience` of them."""
        plateau, value = state.plateau, self.monitor.value(record)
        if self.monitor.strictly_better(value, plateau.best):
            plateau.best, plateau.waited = value, 0
            return
        plateau.waited += 1
        if plateau.waited >= self.patience:
            before = plateau.factor
            lowest = min(before, self.minimum / self.base_learning_rate)
            plateau.factor = max(before * self.factor, lowest)
            plateau.waited = 0
            if plateau.factor < before:
                text = (
                    f"learning rate lowered to {plateau.factor / before:.3g} of what it was: no "
                    f"better {_described(self.monitor)} in {_epochs(self.patience)}"
                )
                state.happened(record, "plateau", text)


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """End training when the best epoch lies too far back."""

    monitor: Monitor
    patience: int

    def epoch_ended(self, state: TrainingState, record: Mapping[str, float]) -> None:
        """Mark the training as finished after `patience` epochs without improvement."""
        values = [self.monitor.value(item) for item in state.history]
        best = min(values) if self.monitor.mode == "min" else max(values)
        if int(record["epoch"]) - 1 - values.index(best) >= self.patience:
            state.finished = True
            text = (
                f"stopped early: no better {_described(self.monitor)} in {_epochs(self.patience)}"
            )
            state.happened(record, "stop", text)


def _described(monitor: Monitor) -> str:
    """The monitored number in words, such as 'validation loss'."""
    return monitor.name.replace("_", " ")


def _epochs(number: int) -> str:
    """'1 epoch', '5 epochs'."""
    return f"{number} epoch" if number == 1 else f"{number} epochs"


Callback = SaveBest | KeepEpochs | ReduceOnPlateau | EarlyStopping
