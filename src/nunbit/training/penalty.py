"""L1 and L2 per layer: penalties on the weights of the layers that a pattern names.

The loss that is minimised gains l1 × Σ|w| + l2 × Σw² for every weight w of a layer, biases and
normalisation layers left out, as Keras's kernel_regularizer counts it. Unlike weight decay in its
decoupled form, it passes through the optimiser as any gradient does.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn

from nunbit.errors import ConfigError
from nunbit.suggest import suggest

Penalty: TypeAlias = Callable[[nn.Module], Tensor]
"""A network's own part of the loss, a scalar."""


def make_penalty(
    model: nn.Module, *, l1: Mapping[str, float], l2: Mapping[str, float]
) -> Penalty | None:
    """The penalty of a network, or None where no strength is given.

    Args:
        model: the network; the penalty takes it, or another of the same make.
        l1: layer-name pattern (with *, ? and [...]) to strength; several that meet a layer add up.
        l2: the same.

    Raises:
        ConfigError: when a pattern meets no layer with weights.
    """
    layers = _layers(model)
    for key, wanted in (("training.l1", l1), ("training.l2", l2)):
        _check_layers_exist(wanted, layers, key)
    strengths = [(name, _strength(l1, name), _strength(l2, name)) for name in layers]
    chosen = [item for item in strengths if item[1] or item[2]]
    if not chosen:
        return None

    def penalty(network: nn.Module) -> Tensor:
        total = torch.zeros(())
        for name, absolute, squared in chosen:
            weight = network.get_parameter(f"{name}.weight" if name else "weight")
            total = total.to(weight.device)
            if absolute:
                total = total + absolute * weight.abs().sum()
            if squared:
                total = total + squared * weight.square().sum()
        return total

    return penalty


def _layers(model: nn.Module) -> list[str]:
    """Names of the layers whose weights are kernels or matrices."""
    weights = {
        name: dict(module.named_parameters(recurse=False)).get("weight")
        for name, module in model.named_modules()
    }
    return [name for name, weight in weights.items() if weight is not None and weight.ndim > 1]


def _strength(wanted: Mapping[str, float], name: str) -> float:
    return sum(value for pattern, value in wanted.items() if fnmatch.fnmatchcase(name, pattern))


def _check_layers_exist(wanted: Mapping[str, float], layers: list[str], key: str) -> None:
    for pattern in wanted:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in layers):
            shown = ", ".join(layers[:12]) + (", ..." if len(layers) > 12 else "")
            raise ConfigError(
                f"{key}: no layer with weights is called {pattern!r}",
                remedy=suggest(pattern, layers, rest=f"layers: {shown}; * stands for anything"),
            )
