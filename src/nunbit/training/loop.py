"""The training loop: one for every network, data set, device and length.

Each step: learning rate, forward pass, loss, backward pass, clipping, optimiser. Nothing in it
depends on how often the run was interrupted: see `nunbit.seeds`.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol, final

import torch
from torch import Tensor, nn

from nunbit.errors import RunInterrupted
from nunbit.evaluation.monitored import validation_numbers
from nunbit.files import write_atomically
from nunbit.inference import predict
from nunbit.progress import Progress
from nunbit.seeds import Purpose, derive_seed
from nunbit.training.callbacks import Callback
from nunbit.training.checkpoint import save_checkpoint
from nunbit.training.interrupt import StopRequest
from nunbit.training.losses import Loss, largest_class, loss_of_output
from nunbit.training.optim import schedule_factor, set_learning_rate
from nunbit.training.penalty import Penalty
from nunbit.training.speedups.conv_weight_grad import fast_conv_weight_grad
from nunbit.training.state import (
    EpochSums,
    TrainingState,
    check_loss_is_finite,
    check_validation_loss_is_finite,
)
from nunbit.types import Batch

READ_EVERY_SECONDS = 0.5
"""Interval at which losses are read from the device and shown; reading waits for the device."""


@dataclass(frozen=True, kw_only=True)
class Duration:
    """Length of a training: a number of epochs, or a time."""

    epochs: int | None = None
    seconds: float | None = None

    def fraction_done(self, state: TrainingState, batches_per_epoch: int, elapsed: float) -> float:
        """Fraction of the run that is done, from 0; a little above 1 where a time is over."""
        if self.seconds is not None:
            # Not capped: the step that passes the end is the last one, and asks for no more than 1.
            return elapsed / self.seconds
        assert self.epochs is not None
        return (state.epoch - 1 + state.batch / batches_per_epoch) / self.epochs


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """Plan of a training; it does not change while training."""

    duration: Duration
    loss: Loss
    learning_rate: float
    schedule: str
    warmup_fraction: float
    gradient_clip: float
    autocast_dtype: torch.dtype | None
    seed: int
    checkpoint_folder: Path
    checkpoint_seconds: float
    metrics_file: Path
    penalty: Penalty | None = None
    """Added to what is minimised; recorded losses are without it, and so comparable."""


class EpochBatches(Protocol):
    """The training part in batches, in an order and with changes that follow from the epoch."""

    @property
    def device(self) -> torch.device:
        """The device on which the batches are."""
        ...

    def __len__(self) -> int:
        """Batches in an epoch."""
        ...

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from batch number `start` on."""
        ...


class TrainableScope(ABC):
    """The part of the network that the batches feed, and what of it learns in which epoch."""

    @abstractmethod
    def part(self, model: nn.Module) -> nn.Module:
        """The module that takes the batches' images; its weights are those of `model`."""

    @abstractmethod
    def enter_epoch(self, model: nn.Module, epoch: int) -> None:
        """Set what learns in an epoch, counted from 1; `model` and `part` are in training mode."""


@final
class WholeNetwork(TrainableScope):
    """Batches feed the network itself, and all of it learns in every epoch."""

    def part(self, model: nn.Module) -> nn.Module:
        """The network."""
        return model

    def enter_epoch(self, model: nn.Module, epoch: int) -> None:
        """Nothing to set: in training mode everything learns."""


WHOLE_NETWORK = WholeNetwork()


class Trainer:
    """Runs a plan on one training state; `fit` is all there is to call."""

    def __init__(
        self,
        plan: TrainingPlan,
        state: TrainingState,
        *,
        train: EpochBatches,
        validation: Iterable[Batch] | None,
        callbacks: Sequence[Callback],
        progress: Progress,
        stop: StopRequest,
        scope: TrainableScope = WHOLE_NETWORK,
    ) -> None:
        self.plan = plan
        self.state = state
        self.train = train
        self.validation = validation
        self.callbacks = callbacks
        self.progress = progress
        self.stop = stop
        self.scope = scope
        self._part = scope.part(state.model)
        self._evaluated = self._part if state.average is None else scope.part(state.evaluated_model)
        # Losses stay on the device until they are shown: reading one makes the host wait for it.
        self._unread: list[tuple[Tensor, Tensor, int]] = []
        self._clock_started: float | None = None
        self._last_saved = self._last_read = time.perf_counter()

    def fit(self) -> None:
        """Train to the end of the plan, from wherever the state stands.

        Raises:
            TrainingError: when the loss is no longer a number.
            RunInterrupted: when a stop was asked for; the state has been saved.
        """
        write_metrics(self.plan.metrics_file, self.state.history)
        # Each step seeds torch's global generator; whoever called gets theirs back as it was.
        with torch.random.fork_rng(devices=_cuda_devices(self.train.device)):
            while not self.state.finished:
                self._train_epoch()
                self._end_epoch()

    def _train_epoch(self) -> None:
        state = self.state
        self._part.train()
        # After `train()`, which would put frozen stages into training mode again.
        self.scope.enter_epoch(state.model, state.epoch)
        self._clock_started = time.perf_counter()
        # Time in an epoch counts from here, plus what an interrupted process had spent on it.
        began = time.perf_counter() - state.sums.seconds
        for batch in self.train.epoch(state.epoch, start=state.batch):
            self._step(batch)
            state.batch += 1
            state.sums.seconds = time.perf_counter() - began
            if time.perf_counter() - self._last_read > READ_EVERY_SECONDS:
                self._show_step()
            # A length in minutes may end within an epoch; what was trained then counts as one.
            if self._fraction_done() >= 1:
                break
            # Between steps, where the state is whole: a signal's handler only asks.
            if self.stop.requested:
                self._save()
                self._stop(f"in epoch {state.epoch}, batch {state.batch} of {len(self.train)}")
            if time.perf_counter() - self._last_saved > self.plan.checkpoint_seconds:
                self._save()
        self._show_step()
        self._stop_clock()

    def _step(self, batch: Batch) -> None:
        state, plan = self.state, self.plan
        set_learning_rate(state.optimizer, self._learning_rate())
        # From the step's number alone, so that a resumed run draws what it would have drawn.
        seed = derive_seed(plan.seed, Purpose.DROPOUT, state.epoch, state.batch)
        _seed_global_generator(seed, batch.images.device)
        with fast_conv_weight_grad(batch.images.device.type, plan.autocast_dtype):
            output = self._part(batch.images)
        loss, logits = loss_of_output(plan.loss, output, batch.targets)
        # The penalty is outside of the narrow type and of the recorded loss.
        minimised = loss if plan.penalty is None else loss + plan.penalty(state.model)
        minimised.backward()  # type: ignore[no-untyped-call]
        # By the norm over all weights, which keeps the direction of the step.
        if plan.gradient_clip:
            nn.utils.clip_grad_norm_(state.model.parameters(), plan.gradient_clip)
        state.optimizer.step()
        state.optimizer.zero_grad()
        if state.average is not None:
            state.average.update_parameters(state.model)
        correct = (logits.detach().argmax(dim=1) == largest_class(batch.targets)).sum()
        self._unread.append((loss.detach(), correct, len(batch.indices)))

    def _read_losses(self) -> None:
        if not self._unread:
            return
        # Two transfers for all steps since the last reading, instead of two a step.
        losses = torch.stack([loss for loss, _, _ in self._unread]).tolist()
        corrects = torch.stack([correct for _, correct, _ in self._unread]).tolist()
        first = self.state.batch - len(losses) + 1
        for offset, (loss, correct) in enumerate(zip(losses, corrects, strict=True)):
            check_loss_is_finite(
                loss,
                epoch=self.state.epoch,
                batch=first + offset,
                learning_rate=self._learning_rate(),
            )
            self.state.sums.add(loss, correct, self._unread[offset][2])
        self._unread.clear()

    def _end_epoch(self) -> None:
        state, sums = self.state, self.state.sums
        record: dict[str, float] = {
            "epoch": state.epoch,
            "train_loss": sums.loss / sums.images,
            "train_accuracy": sums.correct / sums.images,
        }
        if self.validation is not None:
            record |= self._validate(self.validation)
        record["learning_rate"] = self._learning_rate()
        record["seconds"] = round(sums.seconds, 3)
        record["images_per_second"] = round(sums.images / sums.seconds, 1)
        state.history.append(record)
        state.finished = self._fraction_done() >= 1
        # Before the callbacks, which may save: the next batch to train on is then the first of the
        # next epoch, and no resumed run trains an epoch's last batch twice.
        state.epoch, state.batch, state.sums = state.epoch + 1, 0, EpochSums()
        for callback in self.callbacks:
            callback.epoch_ended(state, record)
        self._save()
        write_metrics(self.plan.metrics_file, state.history)
        self.progress.epoch_ended(record)
        if self.stop.requested:
            self._stop(f"after epoch {len(state.history)}")

    def _validate(self, validation: Iterable[Batch]) -> dict[str, float]:
        """Loss (the one that is minimised) and the numbers an epoch can be chosen by."""
        predictions = predict(self._evaluated, validation)
        loss = self.plan.loss(
            torch.from_numpy(predictions.logits), torch.from_numpy(predictions.labels)
        )
        check_validation_loss_is_finite(float(loss), epoch=self.state.epoch)
        return {
            "validation_loss": float(loss),
            **{f"validation_{name}": value for name, value in validation_numbers(predictions)},
        }

    def _save(self) -> None:
        self._read_losses()
        if self._clock_started is not None:
            # What is saved counts the time up to now: a run of minutes goes on from there.
            self._stop_clock()
            self._clock_started = time.perf_counter()
        save_checkpoint(self.plan.checkpoint_folder, self.state)
        self._last_saved = time.perf_counter()

    def _stop(self, where: str) -> NoReturn:
        raise RunInterrupted(
            f"stopped {where}; everything reached is saved", path=self.plan.checkpoint_folder
        )

    def _elapsed(self) -> float:
        """Seconds of training; the clock stands still while the validation part is measured."""
        started = self._clock_started
        running = 0.0 if started is None else time.perf_counter() - started
        return self.state.elapsed_seconds + running

    def _stop_clock(self) -> None:
        self.state.elapsed_seconds = self._elapsed()
        self._clock_started = None

    def _fraction_done(self) -> float:
        return self.plan.duration.fraction_done(self.state, len(self.train), self._elapsed())

    def _learning_rate(self) -> float:
        plan = self.plan
        factor = schedule_factor(
            plan.schedule, self._fraction_done(), warmup_fraction=plan.warmup_fraction
        )
        return plan.learning_rate * factor * self.state.plateau.factor

    def _show_step(self) -> None:
        self._read_losses()
        self._last_read = time.perf_counter()
        sums, done = self.state.sums, self._fraction_done()
        self.progress.step(
            epoch=self.state.epoch,
            fraction=self.state.batch / len(self.train),
            images_per_second=sums.images / sums.seconds,
            left=self._elapsed() * max(0.0, 1 - done) / done if done > 0 else float("nan"),
        )


def write_metrics(file: Path, history: Sequence[Mapping[str, float]]) -> None:
    """One JSON object per epoch."""
    write_atomically(file, "".join(json.dumps(record) + "\n" for record in history))


def _seed_global_generator(seed: int, device: torch.device) -> None:
    """Dropout has no generator of its own; `torch.manual_seed` would seed all devices, slowly."""
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    elif device.type == "cuda":
        torch.cuda.manual_seed(seed)
    else:
        torch.manual_seed(seed)


def _cuda_devices(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []
