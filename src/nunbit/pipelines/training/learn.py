"""The training stage of the spine: a network, its head on features, or some of its stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from nunbit.config.resolved import ResolvedConfig
from nunbit.data.dataset import Dataset
from nunbit.data.pixels import Budget
from nunbit.finetune.finetune import FineTuning
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.linear_probe import keep_probe
from nunbit.pipelines.training.network import Feed, fit, image_feed, new_state, restore
from nunbit.pipelines.training.transfer import (
    count_as_best,
    finished_state,
    fit_on_features,
    idle_tuning,
    keep_start,
    kept_start,
    open_backbone,
    tuning_feed,
    tuning_of,
    with_feeding,
)
from nunbit.progress import Progress
from nunbit.training.checkpoint import newest
from nunbit.training.loop import write_metrics
from nunbit.training.state import TrainingState
from nunbit.types import Predictions


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What the training stage leaves."""

    state: TrainingState
    earlier_seconds: float = 0.0
    """Of processes that were interrupted."""
    transfer: dict[str, Any] | None = None
    """For summary.json."""
    validation: Predictions | None = None
    """Where they are known already."""
    notes: tuple[str, ...] = ()
    tuning: FineTuning | None = None
    """Where only some of the network learned."""


def learn(
    config: ResolvedConfig,
    parts: Dataset,
    model: nn.Module,
    folder: RunFolder,
    *,
    budget: Budget,
    progress: Progress,
) -> Learned:
    """Train the network: all of it, its head on features, or from that head on some stages.

    `budget` is what features and activations may cost.
    """
    training, checkpoint, transfer = config.training, config.checkpoint, config.transfer

    def fit_network(state: TrainingState, feed: Feed) -> float:
        return fit(
            state,
            feed,
            model_name=config.model.name,
            training=training,
            checkpoint=checkpoint,
            seed=config.seed,
            folder=folder,
            progress=progress,
        )

    if transfer.mode == "none":
        state = new_state(model, training, device=parts.device)
        images = image_feed(
            parts,
            batch_size=training.batch_size,
            augmentation=config.augmentation,
            seed=config.seed,
        )
        return Learned(state=state, earlier_seconds=fit_network(state, images))

    # --- The head on features; a resumed run has it already ---
    backbone = open_backbone(
        model, parts, channels_last=training.channels_last, budget=budget, progress=progress
    )
    start = kept_start(backbone, folder, model=config.model, transfer=transfer, seed=config.seed)
    begun = start is not None
    if start is None:
        start = fit_on_features(
            backbone,
            model=config.model,
            transfer=transfer,
            training=training,
            seed=config.seed,
            progress=progress,
        )
        keep_start(folder, start)
    if transfer.mode == "head":
        state = new_state(start.model, training, device=parts.device)
        if not (begun and restore(state, folder, progress)):
            finished_state(state, start, folder)
        write_metrics(folder.metrics, state.history)
        # What the fit said of the validation part, it said of the images as they are.
        said = None if config.model.test_time_mirror else start.validation
        return Learned(state=state, transfer=start.facts, validation=said)

    # --- From that head on, stages of the network ---
    if start.head is not None:
        keep_probe(folder, start.head)
    tuning = tuning_of(backbone, start.model, transfer)
    start = with_feeding(
        start,
        backbone,
        tuning,
        augmentation=config.augmentation,
        cache_activations=transfer.cache_activations,
        folder=folder,
    )
    feed = tuning_feed(
        start,
        backbone,
        tuning,
        batch_size=training.batch_size,
        augmentation=config.augmentation,
        seed=config.seed,
        progress=progress,
    )
    tuning.freeze(start.model, tuning.always_frozen)
    scales = tuning.stages.scales(transfer.stage_decay)
    state = new_state(start.model, training, device=parts.device, scales=scales)
    if not newest(folder.last).exists():  # else the best of its epochs would be replaced
        count_as_best(state, start, training=training, checkpoint=checkpoint, best=folder.best)
    seconds = fit_network(state, feed)
    notes = idle_tuning(state, deploy=checkpoint.deploy)
    for note in notes:
        progress.note(note)
    return Learned(
        state=state,
        earlier_seconds=seconds,
        transfer=start.facts,
        notes=tuple(notes),
        tuning=tuning,
    )
