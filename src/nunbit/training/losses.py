"""Losses that training minimises; B images, K classes.

Every loss takes logits [B, K] and targets that are either class indices, int64 [B], or
probabilities, float [B, K] (one-hot, smoothed or mixed), and returns the mean over the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from nunbit.training.class_balance import ClassBalance

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
_WeightedLoss: TypeAlias = Callable[[Tensor, Tensor, float, Tensor | None], Tensor]
"""Function from logits, targets, label smoothing and the weights of the classes, [K]."""

AUXILIARY_WEIGHT = 0.3
"""Weight of each auxiliary classifier's loss (Szegedy et al. 2015, section 5)."""


FOCAL_GAMMA = 2.0
"""Exponent that Lin et al. 2017 found best."""


def make_loss(
    name: str,
    *,
    label_smoothing: float = 0.0,
    focal_gamma: float = FOCAL_GAMMA,
    balance: ClassBalance | None = None,
) -> Loss:
    """A loss by name.

    Args:
        name: cross-entropy; focal (cross entropy times (1 - p)^gamma, so that images that are
            recognised count less: Lin et al. 2017, "Focal loss for dense object detection");
            binary-cross-entropy (each class against the rest, on the sigmoid of its logit);
            mean-squared-error (of the softmax against the one-hot target).
        label_smoothing: fraction of each target that is spread evenly over all classes.
        focal_gamma: exponent of the focal loss; 0 makes it the cross entropy.
        balance: weights of the classes, and what is added to the logits.

    Raises:
        ValueError: for an unknown name.
    """
    known: dict[str, _WeightedLoss] = {**_LOSSES, "focal": partial(_focal, gamma=focal_gamma)}
    try:
        function = known[name]
    except KeyError:
        raise ValueError(f"unknown loss {name!r}") from None
    weights = _Constant(None if balance is None else balance.weights)
    adjustment = _Constant(None if balance is None else balance.adjustment)

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        if (added := adjustment.like(logits)) is not None:
            logits = logits + added
        return function(logits, targets, label_smoothing, weights.like(logits))

    return loss


class _Constant:
    """A number for each class, kept on the device where it was last asked for."""

    def __init__(self, values: NDArray[np.float64] | None) -> None:
        self._tensor = None if values is None else torch.from_numpy(values)

    def like(self, logits: Tensor) -> Tensor | None:
        if self._tensor is not None:
            self._tensor = self._tensor.to(logits)
        return self._tensor


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


def _cross_entropy(
    logits: Tensor, targets: Tensor, smoothing: float, weights: Tensor | None
) -> Tensor:
    if weights is None:
        return F.cross_entropy(logits, targets, label_smoothing=smoothing)
    # Divided by the images, not by the sum of their weights, as torch's mean is: a batch without
    # rare images would else count as much as one with them, and the rare class too little.
    total = F.cross_entropy(
        logits, targets, weight=weights, label_smoothing=smoothing, reduction="sum"
    )
    return total / len(targets)


def _focal(
    logits: Tensor, targets: Tensor, smoothing: float, weights: Tensor | None, *, gamma: float
) -> Tensor:
    logs = torch.log_softmax(logits, dim=1)
    # 1 - p without the loss of digits near p = 1, and never 0, where a power has no slope.
    missed = (-torch.expm1(logs)).clamp_min(torch.finfo(logs.dtype).tiny)
    wanted = _as_probabilities(logits, targets, smoothing)
    if weights is not None:
        wanted = wanted * weights
    return -(wanted * missed**gamma * logs).sum(dim=1).mean()


def _binary_cross_entropy(
    logits: Tensor, targets: Tensor, smoothing: float, weights: Tensor | None
) -> Tensor:
    wanted = _as_probabilities(logits, targets, smoothing)
    each = _of_images(targets, weights)
    return F.binary_cross_entropy_with_logits(logits, wanted, weight=each)


def _mean_squared_error(
    logits: Tensor, targets: Tensor, smoothing: float, weights: Tensor | None
) -> Tensor:
    said, wanted = torch.softmax(logits, dim=1), _as_probabilities(logits, targets, smoothing)
    if (each := _of_images(targets, weights)) is None:
        return F.mse_loss(said, wanted)
    return (each * (said - wanted).square()).mean()


def _of_images(targets: Tensor, weights: Tensor | None) -> Tensor | None:
    """Weight of each image, [B, 1]; of mixed targets, the mean of their classes'."""
    if weights is None:
        return None
    each = weights[targets] if targets.ndim == 1 else targets.to(weights) @ weights
    return each[:, None]


def _as_probabilities(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    classes = logits.shape[1]
    if targets.ndim == 1:
        targets = F.one_hot(targets, classes).to(logits.dtype)
    return targets * (1 - smoothing) + smoothing / classes


_LOSSES: dict[str, _WeightedLoss] = {
    "cross-entropy": _cross_entropy,
    "binary-cross-entropy": _binary_cross_entropy,
    "mean-squared-error": _mean_squared_error,
}
