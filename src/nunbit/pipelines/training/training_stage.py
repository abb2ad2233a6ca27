"""The training stage of the spine: a whole network, its head on features, or some of its stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from nunbit.config.resolved import ResolvedConfig
from nunbit.data.dataset import Dataset
from nunbit.data.pixels import Budget
from nunbit.finetune.finetune import FineTuning
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.fine_tuning import (
    count_as_best,
    decide_feeding,
    make_fine_tuning,
    notes_of_idle_tuning,
    tuning_feed,
)
from nunbit.pipelines.training.fit_network import Feed, fit, image_feed, restore
from nunbit.pipelines.training.head_on_features import (
    Backbone,
    HeadStart,
    fit_on_features,
    load_head_start,
    open_backbone,
    record_as_finished,
    save_head_start,
)
from nunbit.pipelines.training.linear_probe import save_probe
from nunbit.pipelines.training.network import new_state
from nunbit.pipelines.training.objective import Objective
from nunbit.progress import Progress
from nunbit.training.checkpoint import newest
from nunbit.training.loop import write_metrics
from nunbit.training.state import TrainingState
from nunbit.types import Predictions


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """Result of the training stage."""

    state: TrainingState
    earlier_seconds: float = 0.0
    """Time that interrupted processes have spent."""
    transfer: dict[str, Any] | None = None
    """The block `transfer` of summary.json; None where there were no pretrained weights to use."""
    validation: Predictions | None = None
    """Answers of the network to the validation part, where that is known already."""
    notes: tuple[str, ...] = ()
    """Sentences for the report."""
    tuning: FineTuning | None = None
    """Record of what learned when, in a fine-tuning; else None."""


def run_training(
    config: ResolvedConfig,
    dataset: Dataset,
    model: nn.Module,
    objective: Objective,
    folder: RunFolder,
    *,
    budget: Budget,
    progress: Progress,
) -> TrainingResult:
    """Train the network as `transfer.mode` says, or go on where an earlier process stopped.

    `objective` is what is minimised; `budget` is what features and activations may cost. The
    configuration ends here: what this calls takes its own section, or plain values.

    Raises:
        UsageError: when a head is to be fitted on a network that does not end in a linear layer.
        TrainingError: when the loss is not a number any more.
        RunInterrupted: when the user stopped it.
    """
    training, transfer = config.training, config.transfer

    # --- The whole network, on images ---
    if transfer.mode == "none":
        state = new_state(model, training, device=dataset.device)
        feed = image_feed(
            dataset,
            batch_size=training.batch_size,
            augmentation=config.augmentation,
            seed=config.seed,
            objective=objective,
        )
        seconds = _fit(config, state, feed, folder, progress)
        return TrainingResult(state=state, earlier_seconds=seconds)

    # --- The head, on features; a run that goes on has it already ---
    backbone = open_backbone(
        model, dataset, channels_last=training.channels_last, budget=budget, progress=progress
    )
    start = load_head_start(
        backbone, folder, model=config.model, transfer=transfer, seed=config.seed
    )
    begun = start is not None
    if start is None:
        start = fit_on_features(
            backbone,
            model=config.model,
            transfer=transfer,
            training=training,
            objective=objective.head,
            seed=config.seed,
            progress=progress,
        )
        save_head_start(folder, start)
    if transfer.mode == "head":
        state = new_state(start.model, training, device=dataset.device)
        if not (begun and restore(state, folder, progress)):
            record_as_finished(state, start, folder)
        write_metrics(folder.metrics, state.history)
        # What the fit said of the validation part, it said of the images as they are, and with the
        # bias that it has before a correction.
        changed = config.model.test_time_mirror or training.prior_correction
        said = None if changed else start.validation
        return TrainingResult(state=state, transfer=start.facts, validation=said)

    # --- Stages of the network, from that head on ---
    return _fine_tune(config, backbone, start, objective, folder, progress)


def _fine_tune(
    config: ResolvedConfig,
    backbone: Backbone,
    start: HeadStart,
    objective: Objective,
    folder: RunFolder,
    progress: Progress,
) -> TrainingResult:
    """Train the last stages of a network whose head fits."""
    if start.head is not None:
        save_probe(folder, start.head)
    tuning = make_fine_tuning(backbone, start.model, config.transfer)
    start = decide_feeding(
        start,
        backbone,
        tuning,
        augmentation=config.augmentation,
        cache_activations=config.transfer.cache_activations,
        folder=folder,
    )
    feed = tuning_feed(
        start,
        backbone,
        tuning,
        batch_size=config.training.batch_size,
        augmentation=config.augmentation,
        seed=config.seed,
        objective=objective,
        progress=progress,
    )
    # What never learns gets no place in the optimiser.
    tuning.freeze(start.model, tuning.always_frozen)
    scales = tuning.stages.scales(config.transfer.stage_decay)
    device = backbone.dataset.device
    state = new_state(start.model, config.training, device=device, scales=scales)
    if not newest(folder.last).exists():  # else the best of its epochs would be replaced
        count_as_best(
            state,
            start,
            loss=objective.loss,
            checkpoint=config.checkpoint,
            best=folder.best,
        )
    seconds = _fit(config, state, feed, folder, progress)
    notes = notes_of_idle_tuning(state, deploy=config.checkpoint.deploy)
    for note in notes:
        progress.note(note)
    return TrainingResult(
        state=state,
        earlier_seconds=seconds,
        transfer=start.facts,
        notes=tuple(notes),
        tuning=tuning,
    )


def _fit(
    config: ResolvedConfig,
    state: TrainingState,
    feed: Feed,
    folder: RunFolder,
    progress: Progress,
) -> float:
    return fit(
        state,
        feed,
        model_name=config.model.name,
        training=config.training,
        checkpoint=config.checkpoint,
        seed=config.seed,
        folder=folder,
        progress=progress,
    )
