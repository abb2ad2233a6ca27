"""The one prediction loop: validation, testing and prediction all pass through here.

B images in a batch, K classes, N images in all.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from nunbit.models.mode import evaluation_mode
from nunbit.types import Batch, Predictions


def predict(model: nn.Module, batches: Iterable[Batch]) -> Predictions:
    """Predict every image, in the order of the batches.

    Computes in evaluation mode and float32, even inside somebody's autocast, and gives each module
    the mode back that it had. Model and batches must be on the same device.

    Raises ValueError if there is no image at all.
    """
    logits: list[Tensor] = []
    targets: list[Tensor] = []
    indices: list[np.ndarray] = []
    with evaluation_mode(model):
        for batch in batches:
            logits.append(forward(model, batch.images))
            targets.append(batch.targets)
            indices.append(batch.indices)
    if not indices or sum(map(len, indices)) == 0:
        raise ValueError("nothing to predict: the batches hold no image")
    # One transfer at the end: one per batch would make an accelerator wait for the host each time.
    return Predictions(
        logits=torch.cat(logits).cpu().numpy(),
        labels=torch.cat(targets).cpu().numpy(),
        indices=np.concatenate(indices),
    )


def forward(model: nn.Module, images: Tensor) -> Tensor:
    """Logits, float32 [B, K], without gradients; the model's mode is the caller's business."""
    # no_grad rather than inference_mode: a network that caches a tensor in its forward pass (some
    # of timm's attention layers do) could not be trained on after an inference-mode pass.
    with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
        output = model(images)
    if not isinstance(output, Tensor):
        raise TypeError(f"in evaluation mode a model returns logits, not {type(output).__name__}")
    return output.float()
