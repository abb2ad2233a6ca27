"""Stages of a pretrained network that learn on from its fitted head: what they are fed with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from nunbit.backbone.extract import View
from nunbit.backbone.split_points import SplitPoint
from nunbit.config.resolved import (
    ResolvedCheckpoint,
    ResolvedTransfer,
)
from nunbit.data.augment import PRESETS, Augmentation
from nunbit.data.batches import Batches
from nunbit.evaluation.monitored import validation_numbers
from nunbit.finetune.cached_activations import (
    ActivationBatches,
    Activations,
    TrainingActivations,
    mirrors,
    only_flips,
)
from nunbit.finetune.finetune import FineTuning, activation_bytes, boundary, fine_tuning
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.fit_network import Feed, image_feed
from nunbit.pipelines.training.head_on_features import Backbone, HeadStart, save_head_start
from nunbit.pipelines.training.objective import Objective
from nunbit.progress import Progress
from nunbit.training.checkpoint import save_checkpoint
from nunbit.training.losses import Loss
from nunbit.training.state import Best, TrainingState

FEEDING, ACTIVATIONS = "feeding", "activations"
"""Fact of the summary: what fine-tuning is fed with, and its value where images are not."""


def make_fine_tuning(
    backbone: Backbone, model: nn.Module, transfer: ResolvedTransfer
) -> FineTuning:
    """Plan which stages of the network learn in which epoch."""
    return fine_tuning(
        model,
        backbone.split_points,
        mode=transfer.mode,
        unfreeze_epochs=transfer.unfreeze_epochs,
        freeze_statistics=transfer.batch_norm == "frozen",
    )


def decide_feeding(
    start: HeadStart,
    backbone: Backbone,
    tuning: FineTuning,
    *,
    augmentation: Augmentation,
    cache_activations: bool,
    folder: RunFolder,
) -> HeadStart:
    """Decide once what the batches hold, and keep it with the head's facts.

    The decision depends on the memory free at that moment, and a resumed run must do as it began.
    """
    if FEEDING in start.facts:
        return start
    split_point = boundary(tuning, backbone.split_points)  # where what learns begins
    if split_point is None:
        feeding = "images: everything learns"
    elif not cache_activations:
        feeding = "images: transfer.cache_activations is off"
    elif reason := _why_not_kept(backbone, split_point, augmentation):
        feeding = f"images: {reason}"
    else:
        feeding = ACTIVATIONS
    start = replace(start, facts={**start.facts, FEEDING: feeding})
    save_head_start(folder, start)
    return start


def tuning_feed(
    start: HeadStart,
    backbone: Backbone,
    tuning: FineTuning,
    *,
    batch_size: int,
    augmentation: Augmentation,
    seed: int,
    objective: Objective,
    progress: Progress,
) -> Feed:
    """Batches for fine-tuning: activations at the boundary where they can be kept, else images.

    `start` is what `decide_feeding` gave.
    """
    split_point = boundary(tuning, backbone.split_points)
    if split_point is None or start.facts[FEEDING] != ACTIVATIONS:
        if split_point is not None:
            reason = start.facts[FEEDING].removeprefix("images: ")
            progress.note(f"The stages that do not learn run in every epoch: {reason}.")
        images = image_feed(
            backbone.dataset,
            batch_size=batch_size,
            augmentation=augmentation,
            seed=seed,
            objective=objective,
        )
        return replace(images, scope=tuning)
    train, validation = backbone.dataset.batches("train"), backbone.dataset.batches("validation")
    assert train is not None

    def activations(batches: Batches, view: View) -> Activations:
        values = backbone.features(batches, split_point=split_point, view=view, pooled=False)
        return Activations(values=values, rows=batches.rows)

    # Keyed by whether the image is mirrored: a flip is the one change that has a copy of its own.
    views = {False: activations(train, "centre")}
    if mirrors(augmentation):
        views[True] = activations(train, "mirror")
    fed = TrainingActivations(
        rows=train.rows,
        labels=train.labels,
        batch_size=batch_size,
        device=train.device,
        seed=seed,
        augmentation=augmentation,
        views=views,
        balanced=objective.balanced_sampling,
    )
    held_out = None
    if validation is not None:
        held_out = ActivationBatches(
            batches=validation, activations=activations(validation, "centre")
        )
    return Feed(
        train=fed,
        validation=held_out,
        validation_images=backbone.dataset.split.counts["validation"],
        loss=objective.loss,
        scope=replace(tuning, entry=split_point),
    )


def _why_not_kept(backbone: Backbone, split_point: SplitPoint, augmentation: Augmentation) -> str:
    """Reason why activations cannot replace images; '' if they can."""
    if not only_flips(augmentation):
        known = augmentation.name in PRESETS
        name = f"'{augmentation.name}'" if known else f"of {augmentation.name}"
        return f"the augmentation {name} changes the images"
    counts = backbone.dataset.split.counts
    images = counts["train"] * (2 if mirrors(augmentation) else 1) + counts["validation"]
    # One view of each image, two where the augmentation flips; they may lie in memory or on disk.
    needed, budget = activation_bytes(split_point, images), backbone.budget
    if needed > max(budget.ram_bytes, budget.disk_bytes):
        return f"what they make of the images would take {needed / 1e9:.1f} GB"
    return ""


def count_as_best(
    state: TrainingState,
    start: HeadStart,
    *,
    loss: Loss,
    checkpoint: ResolvedCheckpoint,
    best: Path,
) -> None:
    """Let the fitted head compete with the epochs that follow, as epoch 0, in their `loss`."""
    monitor = checkpoint.as_monitor
    if start.validation is None or not monitor.name.startswith("validation"):
        return
    # The measure must be the epochs' own: an accuracy cannot compete with losses.
    said = start.validation
    if monitor.name == "validation_loss":
        value = float(loss(torch.from_numpy(said.logits), torch.from_numpy(said.labels)))
    else:
        value = dict(validation_numbers(said))[monitor.name.removeprefix("validation_")]
    state.best = Best(value=value, epoch=0)
    save_checkpoint(best, state)


def notes_of_idle_tuning(state: TrainingState, *, deploy: str) -> list[str]:
    """Note for a tuning in which no epoch did as well as the head that it began with."""
    if state.best.epoch or deploy != "best" or state.best.value is None:
        return []
    return [
        f"None of {len(state.history)} epochs did as well on the validation part as the fitted "
        "head, whose weights are kept: --transfer head gives them at once."
    ]
