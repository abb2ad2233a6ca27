"""The saved epochs of a run: to load each back, and to hold them against each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from nunbit.bundle import load_bundle
from nunbit.classifier import Classifier, bundle_folder
from nunbit.deployed import predict_canvases
from nunbit.device import resolve_device
from nunbit.errors import CheckpointError, DataError, UsageError
from nunbit.evaluation.intervals import wilson_interval
from nunbit.pipelines.dataset import reopen_dataset
from nunbit.pipelines.run_folder import RunFolder
from nunbit.progress import SILENT, Progress
from nunbit.training.checkpoint import STATE_FILE, load_weights
from nunbit.types import Predictions


@dataclass(frozen=True, kw_only=True)
class EvaluatedCheckpoint:
    """Result of the weights of one saved epoch on a part of the run's images."""

    name: str
    """Its folder in the run's checkpoints: last, best, or the name of a kept epoch."""
    epoch: int
    """Epochs that were full when it was saved."""
    part: str
    n: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    """Wilson's interval, of these weights alone: the best of many is too good by being chosen."""
    loss: float
    """Mean cross-entropy per image, in nats, of uncalibrated probabilities."""


def checkpoint_names(run: Path) -> tuple[str, ...]:
    """Names of what the run has saved: kept epochs in order, then best and last."""
    folder = RunFolder(run)
    kept = sorted(path.parent.name for path in folder.kept.glob(f"*/{STATE_FILE}"))
    ends = [path.name for path in (folder.best, folder.last) if path.is_dir()]
    return (*kept, *ends)


def load_checkpoint(run: str | Path, name: str, *, device: str = "auto") -> Classifier:
    """The classifier with the weights of one saved epoch.

    Its probabilities are uncalibrated and it has no thresholds: those of the run's model were
    fitted to the weights that were deployed.

    Args:
        run: folder of a finished run.
        name: one of `checkpoint_names`: `last`, `best`, or a kept epoch.
        device: where the network runs.

    Raises:
        BundleError: when the run has no finished model.
        CheckpointError: when there is no such checkpoint, or it is damaged.
    """
    return _loaded(Path(run), name, device)[0]


def evaluate_checkpoints(
    run: str | Path,
    *,
    part: Literal["validation", "test"] = "validation",
    device: str = "auto",
    progress: Progress = SILENT,
) -> list[EvaluatedCheckpoint]:
    """Accuracy and loss of every saved epoch of a run, on its own images.

    Choose by the validation part: the best of many test results is biased upwards.

    Args:
        run: folder of a finished run; `checkpoint.keep = "every"` keeps each epoch.
        part: `validation` or `test`.
        device: where the network runs.
        progress: listener to progress.

    Raises:
        BundleError: when the run has no finished model.
        CheckpointError: when it saved none, or one is damaged.
        DataError: when the data are gone or have changed, or the part is empty.
        UsageError: for another part.
    """
    if part not in ("validation", "test"):
        raise UsageError(f"there is no part {part!r} to evaluate on: validation or test")
    folder = Path(run)
    bundle = load_bundle(bundle_folder(folder))
    names = checkpoint_names(folder)
    if not names:
        raise CheckpointError(
            "there are no checkpoints here",
            path=folder,
            remedy="give the folder of a run as nunbit train left it; a model alone has none",
        )
    _, dataset = reopen_dataset(folder, bundle, device=resolve_device(device), progress=progress)
    batches = dataset.batches(part)
    if batches is None:
        raise DataError(f"the run has no image in its {part} part", path=folder)
    evaluated = []
    for name in names:
        classifier, epoch = _loaded(folder, name, device)
        found = predict_canvases(classifier.deployed, batches.canvases())
        evaluated.append(_measured(found, name=name, epoch=epoch, part=part))
    return evaluated


def _loaded(run: Path, name: str, device: str) -> tuple[Classifier, int]:
    """The classifier of a checkpoint, and how many full epochs it has."""
    bundle = load_bundle(bundle_folder(run))
    epochs = load_weights(_folder_of(RunFolder(run), name), bundle.model)
    return Classifier(
        replace(bundle, temperature=1.0, thresholds={}, operating_point=None), device=device
    ), epochs


def _measured(found: Predictions, *, name: str, epoch: int, part: str) -> EvaluatedCheckpoint:
    right = int((found.predicted == found.labels).sum())
    n = len(found.labels)
    loss = torch.nn.functional.cross_entropy(
        torch.from_numpy(found.logits.astype(np.float64)), torch.from_numpy(found.labels)
    )
    return EvaluatedCheckpoint(
        name=name,
        epoch=epoch,
        part=part,
        n=n,
        accuracy=right / n,
        accuracy_ci95=wilson_interval(right, n),
        loss=float(loss),
    )


def _folder_of(folder: RunFolder, name: str) -> Path:
    if name not in checkpoint_names(folder.path):
        there = ", ".join(checkpoint_names(folder.path)) or "none"
        raise CheckpointError(
            f"there is no checkpoint {name!r}",
            path=folder.path / "checkpoints",
            remedy=f"there are: {there}",
        )
    return {"last": folder.last, "best": folder.best}.get(name, folder.kept / name)
