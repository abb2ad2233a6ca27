"""The head of a pretrained network, fitted on features that each image yields once.

n images, D features, K classes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nunbit.backbone.extract import VIEWS, View
from nunbit.backbone.feature_cache import FeatureStore
from nunbit.backbone.split_points import SplitPoint, find_split_points
from nunbit.config.resolved import (
    ResolvedModel,
    ResolvedTraining,
    ResolvedTransfer,
)
from nunbit.data.batches import Batches
from nunbit.data.dataset import Dataset
from nunbit.data.pixels import Budget
from nunbit.documents import read_json_object
from nunbit.files import write_atomically
from nunbit.finetune.heads import FittedHead, HeadObjective, HeadSettings, Labelled, fit_head
from nunbit.finetune.install import install
from nunbit.formatting import percentage
from nunbit.models.head import head_input
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.splitting.groups import group_numbers
from nunbit.pipelines.training.network import with_hidden_layer
from nunbit.progress import Progress
from nunbit.training.checkpoint import newest, save_checkpoint
from nunbit.training.state import Best, TrainingState
from nunbit.types import Predictions

VIEWS_OF: Mapping[str, Sequence[View]] = {
    "centre": ("centre",),
    "mirror": ("centre", "mirror"),
    "crops": VIEWS,
}
"""Views of every training image that each value of `transfer.views` shows."""


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A pretrained network on the device, its split points, and its features on disk."""

    model: nn.Module
    split_points: tuple[SplitPoint, ...]
    store: FeatureStore
    budget: Budget
    """Limits of what features and activations may cost."""
    dataset: Dataset

    def features(
        self,
        batches: Batches,
        *,
        split_point: SplitPoint,
        view: View = "centre",
        pooled: bool = True,
    ) -> NDArray[np.float32]:
        """Features at a split point: float32 [n, D], or [n, *its shape] if not pooled."""
        sha256 = self.dataset.sha256
        return self.store.features(
            self.model, split_point, batches, sha256=sha256, view=view, pooled=pooled
        )


def open_backbone(
    model: nn.Module, dataset: Dataset, *, channels_last: bool, budget: Budget, progress: Progress
) -> Backbone:
    """The network of a run, ready to compute features.

    Raises:
        UsageError: when the network does not end in a linear layer.
    """
    shape = dataset.preprocess.shape
    head_input(model, shape)  # refuses before minutes of work what `install` would after them
    split_points = find_split_points(model, shape)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return Backbone(
        model=model.to(dataset.device).to(memory_format=layout),
        split_points=split_points,
        store=FeatureStore(
            budget.cache_folder,
            disk_bytes=budget.disk_bytes,
            ram_bytes=budget.ram_bytes,
            progress=progress,
        ),
        budget=budget,
        dataset=dataset,
    )


@dataclass(frozen=True, kw_only=True)
class HeadStart:
    """A head fitted on features, in its network."""

    model: nn.Module
    record: dict[str, float]
    """The head's numbers as a line of metrics.jsonl."""
    facts: dict[str, Any]
    """The block `transfer` of summary.json."""
    validation: Predictions | None = None
    """Answers of the head to the validation part; None where it has no image."""
    head: FittedHead | None = None
    """None where it was fitted by a process before."""


def fit_on_features(
    backbone: Backbone,
    *,
    model: ResolvedModel,
    transfer: ResolvedTransfer,
    training: ResolvedTraining,
    objective: HeadObjective,
    seed: int,
    progress: Progress,
) -> HeadStart:
    """Each image through the network once, a head on what comes out, and the head put in its place.

    The last split point is the input of the final layer, so the network with the head computes what
    the head says of the features.
    """
    dataset, split_point = backbone.dataset, backbone.split_points[-1]
    batches, held_out = dataset.batches("train"), dataset.batches("validation")
    assert batches is not None  # refused before: no class can be learned without images
    views = VIEWS_OF[transfer.views]
    began = time.perf_counter()
    # Views are rows of their own: the head sees them as so many more images.
    features = [backbone.features(batches, split_point=split_point, view=view) for view in views]
    train = Labelled(
        features=np.concatenate(features) if len(views) > 1 else features[0],
        labels=np.tile(batches.labels[batches.rows], len(views)),
        views=len(views),
        groups=group_numbers(dataset.split, batches.rows),
    )
    validation = None
    if held_out is not None:
        validation = Labelled(
            features=backbone.features(held_out, split_point=split_point),
            labels=held_out.labels[held_out.rows],
        )
    computed = time.perf_counter()  # the summary says what features and fit took, each
    head = fit_head(
        transfer.head,
        train,
        validation,
        classes=len(dataset.classes),
        seed=seed,
        settings=_head_settings(training, alone=transfer.mode == "head"),
        device=dataset.device,
        objective=objective,
    )
    fitted = time.perf_counter()
    network = backbone.model
    if transfer.hidden_layer:
        network = with_hidden_layer(network, model, dataset, seed=seed)
    install(network, head, shape=dataset.preprocess.shape)
    # Images per second counts each view, for each passed through the network.
    images = len(train.labels) + (0 if validation is None else len(validation.labels))
    said = None
    if validation is not None and held_out is not None:
        said = Predictions(
            logits=head.logits(validation.features),
            labels=validation.labels,
            indices=held_out.rows,
        )
    start = HeadStart(
        model=network,
        record=_record(head, images=images, seconds=fitted - began, validated=said is not None),
        facts=_facts(transfer, backbone, head, seconds=(computed - began, fitted - computed)),
        validation=said,
        head=head,
    )
    progress.note(_message(start, len(batches.rows)))
    return start


def save_head_start(folder: RunFolder, start: HeadStart) -> None:
    """Keep the head's facts for a run that is resumed, which need not fit it again."""
    content = {"record": start.record, "facts": start.facts}
    write_atomically(folder.transfer, json.dumps(content, indent=2) + "\n")


def load_head_start(
    backbone: Backbone,
    folder: RunFolder,
    *,
    model: ResolvedModel,
    transfer: ResolvedTransfer,
    seed: int,
) -> HeadStart | None:
    """The start of a resumed run, whose weights come from its checkpoint; None to begin again."""
    if not newest(folder.last).exists():
        return None
    try:
        content = read_json_object(folder.transfer)
        record, facts = dict(content["record"]), dict(content["facts"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    network = backbone.model
    if transfer.hidden_layer:
        network = with_hidden_layer(network, model, backbone.dataset, seed=seed)
    return HeadStart(model=network, record=record, facts=facts)


def record_as_finished(state: TrainingState, start: HeadStart, folder: RunFolder) -> None:
    """Record the fitted head as a training of one epoch that has ended, checkpoints and all."""
    state.history = [start.record]
    state.best = Best(value=start.record.get("validation_accuracy"), epoch=1, reached=1)
    state.epoch, state.finished = 2, True
    state.elapsed_seconds = start.record["seconds"]
    save_checkpoint(folder.best, state)
    save_checkpoint(folder.last, state)


def _head_settings(training: ResolvedTraining, *, alone: bool) -> HeadSettings:
    """Settings of the heads that are trained by steps; what only suits fine-tuning stays their own.

    `alone`: whether nothing else is trained, so that the training's settings are the head's.
    """
    usual = HeadSettings()
    return HeadSettings(
        optimizer=training.optimizer,
        learning_rate=training.learning_rate if alone else None,
        schedule=training.schedule,
        warmup_fraction=training.warmup_fraction,
        weight_decay=training.weight_decay,
        epochs=(training.epochs or usual.epochs) if alone else usual.epochs,
        batch_size=training.batch_size,
    )


def _record(head: FittedHead, *, images: int, seconds: float, validated: bool) -> dict[str, float]:
    chosen = head.chosen
    record: dict[str, float] = {
        "epoch": 1,
        "train_loss": chosen.train_loss,
        "train_accuracy": chosen.train_accuracy,
    }
    if validated:
        record |= {"validation_loss": chosen.loss, "validation_accuracy": chosen.accuracy}
    record["learning_rate"] = 0.0
    record["seconds"] = round(seconds, 3)
    record["images_per_second"] = round(images / seconds, 1)
    return record


def _facts(
    transfer: ResolvedTransfer,
    backbone: Backbone,
    head: FittedHead,
    *,
    seconds: tuple[float, float],
) -> dict[str, Any]:
    split_point = backbone.split_points[-1]
    return {
        "mode": transfer.mode,
        "head": head.kind,
        "views": transfer.views,
        "stages": len(backbone.split_points),
        "features": split_point.channels,
        "head_parameters": sum(weight.size + bias.size for weight, bias in head.layers),
        "features_seconds": round(seconds[0], 3),
        "fit_seconds": round(seconds[1], 3),
        "chosen_by": head.chosen_by,
        "path": [asdict(point) for point in head.path],
    }


def _message(start: HeadStart, images: int) -> str:
    """Describe the fit in a sentence for the user."""
    facts, record = start.facts, start.record
    point: Mapping[str, Any] = next(point for point in facts["path"] if point["chosen"])
    by = {"validation": "on the validation part", "cross-validation": "cross-validated"}
    where = by.get(facts["chosen_by"], "on the training part")
    return (
        f"The head ({facts['head']}) is fitted on {facts['features']:,} features of {images:,} "
        f"images in {record['seconds']:.1f} s ({facts['features_seconds']:.1f} s for the "
        f"features): {percentage(point['accuracy'])} right {where}."
    )
