"""Small networks whose weights are given and taken."""

from __future__ import annotations

import torch
from torch import nn

from nunbit.models import create_model

SMALL = {"channels": 3, "height": 16, "width": 16}


def small(classes: int = 4, *, seed: int = 0, **changed: int) -> nn.Module:
    """nunbit's own small network at 16 pixels."""
    return create_model("smallcnn", classes=classes, generator_seed=seed, **{**SMALL, **changed})


def last_layer(network: nn.Module) -> nn.Linear:
    """The classifier of a network that ends with one."""
    found = [module for module in network.modules() if isinstance(module, nn.Linear)]
    return found[-1]


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether two states hold the same tensors under the same names."""
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)
