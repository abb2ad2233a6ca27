"""Losses that training minimises; B images, K classes.

Every loss takes logits [B, K] and targets that are either class indices, int64 [B], or
probabilities, float [B, K] (one-hot, smoothed or mixed), and returns the mean over the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]

AUXILIARY_WEIGHT = 0.3
"""Weight of each auxiliary classifier's loss (Szegedy et al. 2015, section 5)."""


def make_loss(name: str, *, label_smoothing: float = 0.0) -> Loss:
    """A loss by name.

    Args:
        name: cross-entropy; binary-cross-entropy (each class against the rest, on the sigmoid of
            its logit); mean-squared-error (of the softmax against the one-hot target).
        label_smoothing: fraction of each target that is spread evenly over all classes.

    Raises:
        ValueError: for an unknown name.
    """
    try:
        function = _LOSSES[name]
    except KeyError:
        raise ValueError(f"unknown loss {name!r}") from None

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        return function(logits, targets, label_smoothing)

    return loss


def loss_of_output(loss: Loss, output: Any, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Loss and logits of what a network returned while training.

    Two networks of torchvision return named tuples with auxiliary logits beside the main ones.
    """
    if isinstance(output, Tensor):
        return loss(output.float(), targets), output
    main, *auxiliary = (item for item in output if item is not None)
    total = loss(main.float(), targets)
    for item in auxiliary:
        total = total + AUXILIARY_WEIGHT * loss(item.float(), targets)
    return total, main


def largest_class(targets: Tensor) -> Tensor:
    """The class that counts as right for accuracy, int64 [B].

    Of mixed targets, float [B, K], the one with the larger fraction; the first of two halves.
    """
    return targets if targets.ndim == 1 else targets.argmax(dim=1)


def _cross_entropy(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    return F.cross_entropy(logits, targets, label_smoothing=smoothing)


def _binary_cross_entropy(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    wanted = _as_probabilities(logits, targets, smoothing)
    return F.binary_cross_entropy_with_logits(logits, wanted)


def _mean_squared_error(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    return F.mse_loss(torch.softmax(logits, dim=1), _as_probabilities(logits, targets, smoothing))


def _as_probabilities(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    classes = logits.shape[1]
    if targets.ndim == 1:
        targets = F.one_hot(targets, classes).to(logits.dtype)
    return targets * (1 - smoothing) + smoothing / classes


_LOSSES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "cross-entropy": _cross_entropy,
    "binary-cross-entropy": _binary_cross_entropy,
    "mean-squared-error": _mean_squared_error,
}
