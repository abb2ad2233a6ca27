"""The training stage of the spine: a network, its head on features, or some of its stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from nunbit.config import Config
from nunbit.finetune.finetune import FineTuning
from nunbit.pipelines.loading.parts import Parts
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.linear_probe import keep_probe
from nunbit.pipelines.training.network import fit, image_feed, new_state, restore
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
    config: Config, parts: Parts, model: nn.Module, folder: RunFolder, progress: Progress
) -> Learned:
    """Train the network: all of it, its head on features, or from that head on some stages."""
    if config.transfer.mode == "none":
        state = new_state(config, parts, model)
        seconds = fit(config, image_feed(config, parts), state, folder, progress)
        return Learned(state=state, earlier_seconds=seconds)
    backbone = open_backbone(config, parts, model, progress)
    start = kept_start(config, backbone, folder)
    begun = start is not None
    if start is None:
        start = fit_on_features(config, backbone, progress)
        keep_start(folder, start)
    if config.transfer.mode == "head":
        state = new_state(config, parts, start.model)
        if not (begun and restore(state, folder, progress)):
            finished_state(state, start, folder)
        write_metrics(folder.metrics, state.history)
        # What the fit said of the validation part, it said of the images as they are.
        said = None if config.model.test_time_mirror else start.validation
        return Learned(state=state, transfer=start.facts, validation=said)
    if start.head is not None:
        keep_probe(folder, start.head)
    tuning = tuning_of(config, backbone, start.model)
    start = with_feeding(config, backbone, tuning, start, folder)
    feed = tuning_feed(config, backbone, tuning, start, progress)
    tuning.freeze(start.model, tuning.always_frozen)
    state = new_state(
        config, parts, start.model, scales=tuning.stages.scales(config.transfer.stage_decay)
    )
    if not newest(folder.last).exists():  # else the best of its epochs would be replaced
        count_as_best(config, state, start, folder.best)
    seconds = fit(config, feed, state, folder, progress)
    notes = idle_tuning(config, state)
    for note in notes:
        progress.note(note)
    return Learned(
        state=state,
        earlier_seconds=seconds,
        transfer=start.facts,
        notes=tuple(notes),
        tuning=tuning,
    )
