"""The filters of a layer: its weights, in the form of what they look at.

n filters, C channels that each of them sees, h height, w width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nunbit.errors import UsageError
from nunbit.explain.layers import layer_named
from nunbit.models.summary.trace import trace


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What one layer looks for."""

    layer: str
    """Its name, as `named_modules` has it."""
    kind: str
    """Class of the module."""
    weights: NDArray[np.float32]
    """[n, C, h, w], as the network holds them; a linear layer's in the form of the image."""
    of_image: bool
    """Whether they look at the image itself."""

    @property
    def in_colour(self) -> bool:
        """Whether each can be shown as one picture in colour: it sees red, green and blue."""
        return self.of_image and self.weights.shape[1] == 3


def filters_of(model: nn.Module, shape: Sequence[int], layer: str | None = None) -> Filters:
    """The filters of a layer; by default of the first convolution, or, without one, of the first
    linear layer that sees the whole image.

    `shape` is (C, H, W) of an image. The weights are a copy. Raises UsageError for an unknown
    layer, and for one whose weights are no filters.
    """
    calls = trace(model, (torch.empty(1, *shape, device="meta"),), follow=False)
    if layer is None:
        known = [call.name for call in calls if _weights(call.module, shape) is not None]
        if not known:
            raise UsageError(
                "the network has neither a convolution nor a linear layer that sees the image: "
                "there are no filters to show"
            )
        name = next((n for n in known if _is_convolution(model.get_submodule(n))), known[0])
    else:
        name = layer
        if name not in dict(model.named_modules()):
            name = layer_named(model, shape, name).name
    module = dict(model.named_modules()).get(name)
    weights = None if module is None else _weights(module, shape)
    if module is None or weights is None:
        inside = [call.name for call in calls if call.name.startswith(f"{name}.")]
        inner = [n for n in inside if _weights(model.get_submodule(n), shape) is not None]
        raise UsageError(
            f"layer {name!r} has no filters: only convolutions have, and linear layers that see "
            "the whole image",
            remedy=f"name one of those within it, such as {inner[0]}" if inner else "",
        )
    first = next((call for call in calls if call.name == name), None)
    sees = first is not None and first.input_shape[1:] == tuple(shape)
    return Filters(
        layer=name,
        kind=type(module).__name__,
        weights=weights,
        of_image=sees or not _is_convolution(module),
    )


def _is_convolution(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d)


def _weights(module: nn.Module, shape: Sequence[int]) -> NDArray[np.float32] | None:
    """[n, C, h, w] of a convolution, or of a linear layer on all pixels; else None."""
    if isinstance(module, nn.Conv2d):
        weights = module.weight
    elif isinstance(module, nn.Linear) and module.in_features == int(np.prod(shape)):
        weights = module.weight.reshape(-1, *shape)
    else:
        return None
    return np.array(weights.detach().float().cpu().numpy(), dtype=np.float32)
