"""The baseline of a fine-tuning: the head on the pretrained features that it began with.

D features, K classes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from nunbit.config.resolved import ResolvedConfig
from nunbit.data.dataset import Dataset
from nunbit.data.pixels import Budget
from nunbit.evaluation.baselines import Baseline, compared, drawn
from nunbit.files import write_atomically
from nunbit.finetune.heads import FittedHead
from nunbit.pipelines.run_folder import RunFolder
from nunbit.pipelines.training.head_on_features import open_backbone
from nunbit.pipelines.training.network import new_model
from nunbit.progress import Progress
from nunbit.seeds import Purpose, rng_for
from nunbit.types import Predictions

MAX_TEST_IMAGES = 1_000
"""Each passes once more through the network as it was before its tuning."""

Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


def save_probe(folder: RunFolder, head: FittedHead) -> None:
    """Keep the layers of a fitted head, which tuning is about to change."""
    tensors: dict[str, NDArray[np.float32]] = {}
    for number, (weight, bias) in enumerate(head.layers):
        tensors[f"{number}.weight"] = np.ascontiguousarray(weight)
        tensors[f"{number}.bias"] = np.ascontiguousarray(bias)
    path = _kept_at(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, safetensors.numpy.save(tensors))


def linear_probe(
    dataset: Dataset,
    test: Predictions,
    config: ResolvedConfig,
    folder: RunFolder,
    *,
    budget: Budget,
    progress: Progress,
) -> tuple[Baseline, ...]:
    """Evaluate the head before the tuning, on at most `MAX_TEST_IMAGES` test images.

    Nothing for a run that tuned nothing: one from scratch has no features, and one of a head on
    features is itself what would be compared. Nothing either where the head was not kept.
    """
    layers = _read(folder) if config.transfer.mode not in ("none", "head") else []
    batches = dataset.batches("test")
    if not layers or batches is None:
        return ()
    network, _ = new_model(config.model, dataset, seed=config.seed)
    backbone = open_backbone(
        network,
        dataset,
        channels_last=config.training.channels_last,
        budget=budget,
        progress=progress,
    )
    rows = np.arange(len(test))
    chosen = np.sort(drawn(rows, MAX_TEST_IMAGES, rng_for(config.seed, Purpose.BASELINE)))
    said = test.subset(chosen)
    split_point = backbone.split_points[-1]
    features = backbone.features(replace(batches, rows=said.indices), split_point=split_point)
    head = FittedHead(
        kind=config.transfer.head, layers=tuple(layers), path=(), chosen_by="validation"
    )
    answers = head.logits(features).argmax(axis=1).astype(np.int64)
    detail = (
        f"the head ({head.kind}) on {split_point.channels:,} pretrained features, before the tuning"
    )
    return (compared("linear-probe", answers, said, detail=detail),)


def _kept_at(folder: RunFolder) -> Path:
    return folder.last.parent / "head.safetensors"


def _read(folder: RunFolder) -> Layers:
    """The kept layers; none where there are none, or the file is damaged."""
    try:
        tensors = safetensors.numpy.load(_kept_at(folder).read_bytes())
        numbers = range(len(tensors) // 2)
        return [(tensors[f"{i}.weight"], tensors[f"{i}.bias"]) for i in numbers]
    except (OSError, SafetensorError, KeyError):
        return []
