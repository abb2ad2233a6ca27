"""Initial weights by name, drawn from a generator of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from nunbit.errors import UsageError
from nunbit.seeds import torch_rng
from nunbit.suggest import suggest

Scheme: TypeAlias = Literal["default", "glorot-normal", "glorot-uniform", "he-normal", "he-uniform"]

_DRAW: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "glorot-normal": lambda w, g: nn.init.xavier_normal_(w, generator=g),
    "glorot-uniform": lambda w, g: nn.init.xavier_uniform_(w, generator=g),
    "he-normal": lambda w, g: nn.init.kaiming_normal_(w, nonlinearity="relu", generator=g),
    "he-uniform": lambda w, g: nn.init.kaiming_uniform_(w, nonlinearity="relu", generator=g),
}


def initialise(model: nn.Module, scheme: Scheme = "default", *, seed: int = 0) -> None:
    """Draw the weights of all convolutions and linear layers again; their biases become zero.

    Glorot: variance 2 / (fan_in + fan_out); He: 2 / fan_in, as before a ReLU. "default" leaves the
    weights as the layers drew them. Normalisation layers, embeddings and attention's joint
    projections keep their own. The model must be on the CPU; the global random generator is not
    touched.

    Raises UsageError for an unknown scheme.
    """
    if scheme not in get_args(Scheme):
        known = get_args(Scheme)
        remedy = suggest(scheme, known) or f"known are {', '.join(known)}"
        raise UsageError(f"no initialisation is called {scheme!r}", remedy=remedy)
    if scheme == "default":
        return
    generator = torch_rng(seed)
    for module in model.modules():
        if isinstance(module, nn.Linear | _ConvNd):
            _DRAW[scheme](module.weight, generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
