"""A fitted head into its network: afterwards it is one ordinary network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nunbit.errors import UsageError
from nunbit.finetune.heads import FittedHead
from nunbit.models.head import HiddenHead, head_input


def install(model: nn.Module, head: FittedHead, *, shape: Sequence[int]) -> None:
    """Copy the head's weights into the end of `model`, in place.

    One layer goes into the final linear layer; two need a network made with
    `create_model(..., head_hidden=UNITS)`. `shape` is (C, H, W) of an image. Raises UsageError
    where the network does not end in such layers, ValueError where sizes differ.
    """
    name, _ = head_input(model, shape)
    place = model.get_submodule(name)
    if isinstance(place, HiddenHead) != (len(head.layers) > 1):
        raise UsageError(
            f"a head of {len(head.layers)} layer(s) does not fit where the network has {name}",
            remedy="a head with a hidden layer needs a network created with head_hidden, and no "
            "other head fits there",
        )
    layers = [layer for layer in place.modules() if isinstance(layer, nn.Linear)]
    for layer, (weight, bias) in zip(layers, head.layers, strict=True):
        if layer.weight.shape != weight.shape:
            sizes = f"{tuple(weight.shape)} for {tuple(layer.weight.shape)}"
            raise ValueError(f"the head's weights do not fit {name}: {sizes}")
        _copy(layer.weight, weight)
        if layer.bias is None:
            raise UsageError(f"{name} has no bias, and a fitted head needs one")
        _copy(layer.bias, bias)


def _copy(parameter: Tensor, values: NDArray[np.float32]) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(values))
