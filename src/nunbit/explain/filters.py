"""The filters of a layer: its weights, in the form of what they look at.

n filters, C channels that each of them sees, h height, w width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nunbit.errors import UsageError
from nunbit.explain.layers import layer_named
from nunbit.models.summary.trace import Call, trace


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Filters of one layer."""

    layer: str
    """Its name, as `named_modules` has it."""
    kind: str
    """Class of the module."""
    weights: NDArray[np.float32]
    """[n, C, h, w], as the network holds them; a linear layer's in the form of the image."""
    of_image: bool
    """True if they look at the image itself."""

    @property
    def in_colour(self) -> bool:
        """True if each can be shown as one picture in colour: it sees red, green and blue."""
        return self.of_image and self.weights.shape[1] == 3


def filters_of(model: nn.Module, shape: Sequence[int], layer: str | None = None) -> Filters:
    """The filters of a layer, by default of the first convolution.

    A network without convolutions has those of its first linear layer that sees the whole image.
    `shape` is (C, H, W) of an image. The weights are a copy. Raises UsageError for an unknown
    layer, and for one whose weights are not filters.
    """
    calls = trace(model, (torch.empty(1, *shape, device="meta"),), follow=False)
    used = {call.name: call for call in calls if _weights(call.module, shape) is not None}
    name = _first(used) if layer is None else layer
    if name not in used:
        _refuse(model, shape, name, list(used))
    module = used[name].module
    weights = _weights(module, shape)
    assert weights is not None
    sees_image = used[name].input_shape[1:] == tuple(shape) or _sees_padded_image(used, name, shape)
    return Filters(
        layer=name,
        kind=type(module).__name__,
        weights=np.array(weights.detach().float().cpu().numpy(), dtype=np.float32),
        of_image=sees_image or isinstance(module, nn.Linear),
    )


def _first(used: Mapping[str, Call]) -> str:
    """The first convolution, or the first of all."""
    if not used:
        raise UsageError(
            "the network has no filters to show: neither a convolution nor a linear layer that "
            "sees the image"
        )
    convolutions = (n for n, call in used.items() if isinstance(call.module, nn.Conv2d))
    return next(convolutions, next(iter(used)))


def _refuse(model: nn.Module, shape: Sequence[int], name: str, used: Sequence[str]) -> NoReturn:
    if name not in dict(model.named_modules()):
        layer_named(model, shape, name)  # raises, unless it is the end of a stage
    within = [other for other in used if other.startswith(f"{name}.")]
    raise UsageError(
        f"layer {name!r} has no filters: convolutions have, and linear layers that see the image",
        remedy=f"name one with filters, such as {(within or [*used, 'none'])[0]}",
    )


def _sees_padded_image(used: Mapping[str, Call], name: str, shape: Sequence[int]) -> bool:
    """Tell whether only padding can come before: it is the first, and sees as many channels."""
    return name == next(iter(used)) and used[name].input_shape[1:2] == (shape[0],)


def _weights(module: nn.Module, shape: Sequence[int]) -> Tensor | None:
    """[n, C, h, w] of a convolution, or of a linear layer on all pixels; else None."""
    if isinstance(module, nn.Conv2d):
        return module.weight
    if isinstance(module, nn.Linear) and module.in_features == math.prod(shape):
        return module.weight.reshape(-1, *shape)
    return None
