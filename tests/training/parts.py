"""A small problem for the training tests: blobs that a tiny network separates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from nunbit.data.augment import PRESETS, Augmentation, CutMix, MixUp
from nunbit.data.batches import Batches, TrainingBatches
from nunbit.data.pixels import ArrayPixels
from nunbit.data.preprocess import Preprocess
from nunbit.progress import SILENT
from nunbit.training.callbacks import ACCURACY, Callback, Monitor, SaveBest
from nunbit.training.interrupt import StopRequest
from nunbit.training.loop import Duration, Trainer, TrainingPlan
from nunbit.training.losses import make_loss
from nunbit.training.optim import make_optimizer, parameter_groups
from nunbit.training.state import TrainingState, make_average

N, BATCH_SIZE = 49, 8  # 49 = 6 * 8 + 1: the last image joins the batch before it
PREPROCESS = Preprocess(height=8, width=8, channels=1, mean=(0.5,), std=(0.25,))
CPU = torch.device("cpu")

CHANGES = Augmentation(
    name="changes",
    assumption="",
    operations=PRESETS["digits"].operations,
    mixing=(MixUp(probability=0.3), CutMix(probability=0.3)),
)


def make_pixels(n: int = N) -> tuple[ArrayPixels, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    array = rng.integers(0, 60, (n, 8, 8, 1)).astype(np.uint8)
    for i, label in enumerate(labels):
        array[i, :, 2 * label : 2 * label + 3] += 150
    return ArrayPixels(array, reasons=("",) * n, preprocess=PREPROCESS), labels


def make_state(optimizer: str = "adamw", *, average: bool = False) -> TrainingState:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(144, 3),
        ).to(memory_format=torch.channels_last)
    groups = parameter_groups(model, 0.01)
    return TrainingState(
        model=model,
        optimizer=make_optimizer(optimizer, groups, learning_rate=0.01),
        average=make_average(model, 0.9 if average else 0.0),
    )


def make_trainer(
    state: TrainingState,
    folder: Path,
    *,
    epochs: int | None = 3,
    seconds: float | None = None,
    callbacks: list[Callback] | None = None,
    stop: StopRequest | None = None,
    learning_rate: float = 0.01,
    has_validation: bool = True,
) -> Trainer:
    folder.mkdir(exist_ok=True)
    pixels, labels = make_pixels()
    rows = np.arange(N)
    monitor = ACCURACY if has_validation else Monitor(name="train_loss", mode="min")
    plan = TrainingPlan(
        duration=Duration(epochs=epochs, seconds=seconds),
        loss=make_loss("cross-entropy"),
        learning_rate=learning_rate,
        schedule="one-cycle",
        warmup_fraction=0.2,
        gradient_clip=1.0,
        autocast_dtype=None,
        seed=5,
        checkpoint_folder=folder / "checkpoints" / "last",
        checkpoint_seconds=1e9,
        metrics_file=folder / "metrics.jsonl",
    )
    validation = Batches(
        pixels=pixels,
        preprocess=PREPROCESS,
        rows=rows[:9],
        labels=labels,
        batch_size=4,
        device=CPU,
    )
    train = TrainingBatches(
        pixels=pixels,
        preprocess=PREPROCESS,
        rows=rows,
        labels=labels,
        classes=int(labels.max()) + 1,
        batch_size=BATCH_SIZE,
        device=CPU,
        seed=5,
        augmentation=CHANGES,
    )
    best = SaveBest(monitor=monitor, folder=folder / "checkpoints" / "best")
    return Trainer(
        plan,
        state,
        train=train,
        validation=validation if has_validation else None,
        callbacks=[best] if callbacks is None else callbacks,
        progress=SILENT,
        stop=stop or StopRequest(),
    )


def weights(state: TrainingState) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in state.model.state_dict().items()}
