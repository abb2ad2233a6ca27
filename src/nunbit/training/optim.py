"""Optimisers and learning-rate schedules.

The learning rate of a step is: base × schedule(fraction of the run that is done) × plateau factor,
times the scale of its group of parameters (1 unless parts of a network are to learn more slowly).
Schedules are pure functions of that fraction, so a run measured in minutes lands as exactly as one
measured in epochs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from nunbit.training.speedups.without_compiler import without_compiler

USUAL_LEARNING_RATE = {
    "sgd": 0.05,
    "adagrad": 0.01,
    "adadelta": 1.0,
    "rmsprop": 0.001,
    "adam": 0.002,
    "adamw": 0.002,
}
"""Highest learning rates that suit networks with batch normalisation at batches of about 100."""

ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = 1e-4


SCALE = "scale"
"""Key of a group's factor on the learning rate of each step."""


def parameter_groups(
    model: nn.Module,
    weight_decay: float,
    *,
    decay_biases_and_norms: bool = False,
    scales: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Matrices and kernels with weight decay; biases and normalisation parameters without.

    With `decay_biases_and_norms` all decay. Without, as is usual: decaying biases and norms only
    shrinks scales that the next layer undoes (He et al. 2019, "Bag of Tricks", section 3.1).
    `scales` gives parameters, by name, a factor on the learning rate; the others have 1. Parameters
    that require no gradient are left out.
    """
    factors = scales or {}
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    others = weight_decay if decay_biases_and_norms else 0.0
    groups: dict[tuple[float, bool], dict[str, Any]] = {}
    # Sorted, so that the groups' order does not depend on which stage a network lists first.
    for factor in sorted({factors.get(name, 1.0) for name, _ in trained}, reverse=True):
        for kernel, decay in ((True, weight_decay), (False, others)):
            groups[factor, kernel] = {"params": [], "weight_decay": decay, SCALE: factor}
    for name, parameter in trained:
        groups[factors.get(name, 1.0), parameter.ndim > 1]["params"].append(parameter)
    return [group for group in groups.values() if group["params"]]


def make_optimizer(
    name: str,
    groups: Iterable[dict[str, Any]],
    *,
    learning_rate: float,
    momentum: float = 0.9,
    nesterov: bool = False,
) -> Optimizer:
    """An optimiser by its usual name, in torch's fused form where there is one.

    Args:
        name: sgd, adagrad, adadelta, rmsprop, adam or adamw.
        groups: from `parameter_groups`.
        learning_rate: base learning rate.
        momentum: of sgd and rmsprop; the others have their own.
        nesterov: Nesterov's form of sgd's momentum.

    Raises:
        ValueError: for an unknown name.
    """
    groups = list(groups)
    fused = all(p.device.type in ("cpu", "cuda") for group in groups for p in group["params"])
    match name:
        case "sgd":
            return without_compiler(torch.optim.SGD)(
                groups, lr=learning_rate, momentum=momentum, nesterov=nesterov, fused=fused
            )
        case "adagrad":
            return without_compiler(torch.optim.Adagrad)(groups, lr=learning_rate)
        case "adadelta":
            return without_compiler(torch.optim.Adadelta)(groups, lr=learning_rate)
        case "rmsprop":
            return without_compiler(torch.optim.RMSprop)(
                groups, lr=learning_rate, momentum=momentum
            )
        case "adam":
            return without_compiler(torch.optim.Adam)(groups, lr=learning_rate, fused=fused)
        case "adamw":
            return without_compiler(torch.optim.AdamW)(groups, lr=learning_rate, fused=fused)
    raise ValueError(f"unknown optimiser {name!r}")


def schedule_factor(name: str, fraction_done: float, *, warmup_fraction: float) -> float:
    """Factor on the base learning rate when `fraction_done` (0 to 1) of the run is done.

    constant: always 1. cosine: linear warm-up from 0, then half a cosine down to 0 (Loshchilov and
    Hutter 2017). one-cycle: half a cosine up from 1/25, then one down to 1/10,000 (Smith and Topin
    2018).

    Raises:
        ValueError: for an unknown name.
    """
    fraction_done = min(max(fraction_done, 0.0), 1.0)
    rising = fraction_done < warmup_fraction
    if rising:
        position = fraction_done / warmup_fraction
    else:
        position = (fraction_done - warmup_fraction) / (1 - warmup_fraction)
    match name:
        case "constant":
            return 1.0
        case "cosine":
            return position if rising else _half_cosine(1.0, 0.0, position)
        case "one-cycle":
            if rising:
                return _half_cosine(ONE_CYCLE_START, 1.0, position)
            return _half_cosine(1.0, ONE_CYCLE_END, position)
    raise ValueError(f"unknown schedule {name!r}")


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Give all parameter groups one learning rate, times each group's own scale."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group.get(SCALE, 1.0)


def _half_cosine(start: float, end: float, position: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * position)) / 2
