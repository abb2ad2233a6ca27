"""One training of a network: what it is fed with, its plan, its callbacks, and where it stopped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from nunbit.config.resolved import (
    ResolvedCheckpoint,
    ResolvedTraining,
)
from nunbit.data.augment import Augmentation
from nunbit.data.dataset import Dataset
from nunbit.errors import CheckpointError, RunInterrupted
from nunbit.pipelines.run_folder import RunFolder, resume_command
from nunbit.pipelines.training.objective import Objective
from nunbit.progress import Progress
from nunbit.training.callbacks import (
    Callback,
    EarlyStopping,
    KeepEpochs,
    ReduceOnPlateau,
    SaveBest,
)
from nunbit.training.checkpoint import load_newest_checkpoint, load_weights, newest
from nunbit.training.interrupt import stop_on_signals
from nunbit.training.loop import (
    WHOLE_NETWORK,
    Duration,
    EpochBatches,
    TrainableScope,
    Trainer,
    TrainingPlan,
)
from nunbit.training.losses import Loss
from nunbit.training.penalty import make_penalty
from nunbit.training.state import Best, TrainingState
from nunbit.types import Batch


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Batches of a training, the part of the network that they feed, and the loss of its output."""

    train: EpochBatches
    validation: Iterable[Batch] | None
    validation_images: int
    loss: Loss
    scope: TrainableScope = WHOLE_NETWORK


def image_feed(
    dataset: Dataset,
    *,
    batch_size: int,
    augmentation: Augmentation,
    seed: int,
    objective: Objective,
) -> Feed:
    """Images into the whole network."""
    return Feed(
        train=dataset.training_batches(
            batch_size=batch_size,
            seed=seed,
            augmentation=augmentation,
            balanced=objective.balanced_sampling,
        ),
        validation=dataset.batches("validation"),
        validation_images=dataset.split.counts["validation"],
        loss=objective.loss,
    )


def fit(
    state: TrainingState,
    feed: Feed,
    *,
    model_name: str,
    training: ResolvedTraining,
    checkpoint: ResolvedCheckpoint,
    seed: int,
    folder: RunFolder,
    progress: Progress,
) -> float:
    """Train from wherever the newest checkpoint stands; returns the seconds spent before it."""
    restore(state, folder, progress)
    earlier_seconds = state.elapsed_seconds
    validation = feed.validation
    if validation is None:
        progress.note("warning: no image is left to validate on; the training loss decides")
    plan = make_plan(
        state.model,
        training,
        loss=feed.loss,
        seed=seed,
        folder=folder,
        checkpoint_seconds=60 * checkpoint.minutes,
    )
    progress.training_started(
        model=model_name, epochs=plan.duration.epochs, minutes=training.minutes
    )
    try:
        with stop_on_signals() as stop:
            Trainer(
                plan,
                state,
                train=feed.train,
                validation=validation,
                callbacks=_callbacks(
                    training, checkpoint, folder, validation_images=feed.validation_images
                ),
                progress=progress,
                stop=stop,
                scope=feed.scope,
            ).fit()
    except RunInterrupted as stopped:
        raise RunInterrupted(
            stopped.what, path=folder.path, remedy=f"continue with: {resume_command(folder.path)}"
        ) from None
    finally:
        progress.training_ended()
    return earlier_seconds


def restore(state: TrainingState, folder: RunFolder, progress: Progress) -> bool:
    """Take over the newest checkpoint; whether there is one.

    Raises:
        CheckpointError: when there are checkpoints and all are damaged.
    """
    fault = load_newest_checkpoint(folder.last, state)
    if fault:
        progress.note(
            f"warning: the newest checkpoint is unusable, the one before it is used: {fault}"
        )
    return fault is not None


def load_best_weights(folder: RunFolder, state: TrainingState, progress: Progress) -> None:
    """The best epoch's weights into the network, or the last's where the best are damaged.

    Raises:
        CheckpointError: when the last epoch's are damaged too.
    """
    try:
        load_weights(newest(folder.best), state.model)
    except CheckpointError as error:
        progress.note(
            f"warning: {error.what}: the best epoch ({state.best.epoch}) is lost, and the last "
            "one is used"
        )
        load_weights(newest(folder.last), state.model)
        state.best = Best(epoch=len(state.history))


def make_plan(
    model: nn.Module,
    training: ResolvedTraining,
    *,
    loss: Loss,
    seed: int,
    folder: RunFolder,
    checkpoint_seconds: float,
) -> TrainingPlan:
    """The plan of a training that minimises `loss`.

    Raises:
        ConfigError: when a penalty names a layer that the network does not have.
    """
    if training.minutes is not None:
        duration = Duration(seconds=60 * training.minutes)
    else:
        duration = Duration(epochs=training.epochs)
    return TrainingPlan(
        duration=duration,
        loss=loss,
        learning_rate=training.learning_rate,
        schedule=training.schedule,
        warmup_fraction=training.warmup_fraction,
        gradient_clip=training.gradient_clip,
        autocast_dtype=torch.bfloat16 if training.precision == "bfloat16" else None,
        seed=seed,
        checkpoint_folder=folder.last,
        checkpoint_seconds=checkpoint_seconds,
        metrics_file=folder.metrics,
        penalty=make_penalty(model, l1=training.l1, l2=training.l2),
    )


def _callbacks(
    training: ResolvedTraining,
    checkpoint: ResolvedCheckpoint,
    folder: RunFolder,
    *,
    validation_images: int,
) -> list[Callback]:
    monitor = checkpoint.as_monitor
    callbacks: list[Callback] = [
        SaveBest(
            monitor=monitor,
            folder=folder.best,
            tolerance=checkpoint.tolerance,
            images=validation_images,
        )
    ]
    if checkpoint.keep != "none":
        callbacks.append(
            KeepEpochs(
                folder=folder.kept,
                template=checkpoint.template,
                weights_only=checkpoint.weights_only,
                only_improved=checkpoint.keep == "improved",
            )
        )
    if training.plateau_patience:
        callbacks.append(
            ReduceOnPlateau(
                monitor=monitor,
                patience=training.plateau_patience,
                factor=training.plateau_factor,
                base_learning_rate=training.learning_rate,
                minimum=training.plateau_minimum,
            )
        )
    if training.stopping_patience:
        callbacks.append(EarlyStopping(monitor=monitor, patience=training.stopping_patience))
    return callbacks
