"""The network of a run and its training: first weights, optimiser, plan and callbacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nunbit.config.resolved import ResolvedCheckpoint, ResolvedModel, ResolvedTraining
from nunbit.data.augment import Augmentation
from nunbit.data.dataset import Dataset
from nunbit.errors import CheckpointError, RunInterrupted
from nunbit.finetune.heads import HIDDEN
from nunbit.models.catalog import model_info
from nunbit.models.create import create_model
from nunbit.models.info import Shape
from nunbit.models.initialise import initialise
from nunbit.models.pretrained import Weights, transfer
from nunbit.models.whitening import WHITENING_IMAGES, whiten_first_layer
from nunbit.pipelines.run_folder import RunFolder, resume_command
from nunbit.progress import Progress
from nunbit.seeds import Purpose, derive_seed
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
from nunbit.training.losses import make_loss
from nunbit.training.optim import make_optimizer, parameter_groups
from nunbit.training.penalty import make_penalty
from nunbit.training.state import Best, TrainingState, make_average
from nunbit.types import Batch

HEAD_HIDDEN = "head_hidden"
"""Argument of `create_model`: units of a hidden layer in the head."""
MIN_SIZE_FRACTION = 0.5
"""Fraction of the sides that weights were trained with, below which a run warns: on 359 pictures,
EfficientNet-lite0's features lose one or two points down to half of its 224 pixels, twelve at 64
and 45 at 32."""


@dataclass(frozen=True, kw_only=True)
class Feed:
    """What training is fed with, and which part of the network it feeds."""

    train: EpochBatches
    validation: Iterable[Batch] | None
    validation_images: int
    scope: TrainableScope = WHOLE_NETWORK


def image_feed(parts: Dataset, *, batch_size: int, augmentation: Augmentation, seed: int) -> Feed:
    """Images into the whole network."""
    return Feed(
        train=parts.training_batches(batch_size=batch_size, seed=seed, augmentation=augmentation),
        validation=parts.batches("validation"),
        validation_images=parts.split.counts["validation"],
    )


def new_model(
    wanted: ResolvedModel, parts: Dataset, *, seed: int
) -> tuple[nn.Module, tuple[str, ...]]:
    """The network with its first weights, on the CPU, and what there is to say about them.

    Its head is the published one; see `with_hidden_layer`.

    Raises:
        WeightsError: when pretrained weights are missing, damaged or do not fit.
        UsageError: when the first layer is to whiten and cannot.
    """
    draws, options = derive_seed(seed, Purpose.WEIGHTS), model_options(wanted, parts)
    model = create_model(wanted.name, **options, generator_seed=draws)
    if wanted.initialisation == "whitening":
        whiten_first_layer(model, _some_training_images(parts))
    else:
        initialise(model, wanted.initialisation, seed=draws)
    weights = wanted.weights
    if weights is None:
        return model, ()
    remarks = transfer(
        model,
        weights,
        info=model_info(wanted.name),
        shape=Shape(options["channels"], options["height"], options["width"]),
        classes=options["classes"],
        class_names=parts.classes,
        strict=wanted.strict,
    )
    return model, (*remarks, *_size_remarks(weights, parts))


def _some_training_images(parts: Dataset) -> Tensor:
    """Evenly spread over the training part, as the network gets them: float32 [N, C, H, W]."""
    rows = parts.split.indices("train")
    rows = rows[:: -(-len(rows) // WHITENING_IMAGES)]
    (pixels,) = parts.pixels.stream([rows])
    return parts.preprocess.network_input(pixels, pixels.device)


def _size_remarks(weights: Weights, parts: Dataset) -> list[str]:
    """What it means that images are much smaller than those that the weights were trained with."""
    if weights.input is None:
        return []
    contract = parts.preprocess
    theirs = weights.input.height, weights.input.width
    fraction = min(contract.height / theirs[0], contract.width / theirs[1])
    if fraction >= MIN_SIZE_FRACTION:
        return []
    return [
        f"warning: images of {contract.height}x{contract.width} pixels are less than half of the "
        f"{theirs[0]}x{theirs[1]} that the weights were trained with, and what they know is worth "
        f"less there; --image-size {theirs[0]} costs time and gains accuracy."
    ]


def with_hidden_layer(
    model: nn.Module, wanted: ResolvedModel, parts: Dataset, *, seed: int
) -> nn.Module:
    """The network with one layer more in its head, which is drawn; all else is that of `model`."""
    options = model_options(wanted, parts, hidden_layer=True)
    draws = derive_seed(seed, Purpose.WEIGHTS)
    deeper = create_model(wanted.name, **options, generator_seed=draws)
    own = deeper.state_dict()
    shared = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name in own and own[name].shape == tensor.shape
    }
    deeper.load_state_dict(shared, strict=False)
    return deeper


def new_state(
    model: nn.Module,
    training: ResolvedTraining,
    *,
    device: torch.device,
    scales: Mapping[str, float] | None = None,
) -> TrainingState:
    """Network, optimiser and average before the first step.

    What requires no gradient gets no place in the optimiser; `scales` are those of
    `parameter_groups`.
    """
    layout = torch.channels_last if training.channels_last else torch.contiguous_format
    model = model.to(device).to(memory_format=layout)
    optimizer = make_optimizer(
        training.optimizer,
        parameter_groups(
            model,
            training.weight_decay,
            decay_biases_and_norms=training.decay_biases_and_norms,
            scales=scales,
        ),
        learning_rate=training.learning_rate,
        momentum=training.momentum,
        nesterov=training.nesterov,
    )
    average = make_average(model, training.ema_decay)
    return TrainingState(model=model, optimizer=optimizer, average=average)


def model_options(
    model: ResolvedModel, parts: Dataset, *, hidden_layer: bool = False
) -> dict[str, Any]:
    """Arguments of `create_model` that rebuild the network."""
    return {
        "classes": len(parts.classes),
        "channels": parts.preprocess.channels,
        "height": parts.preprocess.height,
        "width": parts.preprocess.width,
        **({} if model.dropout is None else {"dropout": model.dropout}),
        **({HEAD_HIDDEN: HIDDEN} if hidden_layer else {}),
    }


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
            stopped.what, path=folder.path, remedy=f"go on with: {resume_command(folder.path)}"
        ) from None
    finally:
        progress.training_ended()
    return earlier_seconds


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
    seed: int,
    folder: RunFolder,
    checkpoint_seconds: float,
) -> TrainingPlan:
    """The plan of a training.

    Raises:
        ConfigError: when a penalty names a layer that the network does not have.
    """
    if training.minutes is not None:
        duration = Duration(seconds=60 * training.minutes)
    else:
        duration = Duration(epochs=training.epochs)
    return TrainingPlan(
        duration=duration,
        loss=make_loss(training.loss, label_smoothing=training.label_smoothing),
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
