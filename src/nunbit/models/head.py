"""The head of a network: its final linear layer, found by watching one pass.

C channels, H height, W width, D features, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from nunbit.errors import UsageError
from nunbit.models.meta_tensors import reference_tensor
from nunbit.models.mode import evaluation_mode


class HiddenHead(nn.Sequential):
    """Two linear layers with ReLU between them, [B, D] -> [B, K]; one unit to whoever looks."""

    def __init__(self, features: int, units: int, classes: int) -> None:
        super().__init__(nn.Linear(features, units), nn.ReLU(), nn.Linear(units, classes))


def head_input(model: nn.Module, shape: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """Name of the final linear layer or `HiddenHead`, and the size of what one image gives it.

    `shape` is (C, H, W) of an image. It is the layer whose output is the network's, unchanged.
    Weights, mode and statistics stay as they are. Raises UsageError where there is none.
    """
    found: list[tuple[str, tuple[int, ...]]] = []
    outputs: list[Tensor] = []

    def remember(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(_: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            found.append((name, tuple(given[0].shape[1:])))
            outputs.append(output)

        return hook

    handles = [
        module.register_forward_hook(remember(name))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | HiddenHead)
    ]
    try:
        logits = _pass(model, shape)
    finally:
        for handle in handles:
            handle.remove()
    for place, output in zip(reversed(found), reversed(outputs), strict=True):
        if output is logits:
            return place
    raise UsageError(
        "the network does not end in a linear layer, so that no other head can be put there",
        remedy="train it as a whole (--transfer none), or choose another network",
    )


def shift_outputs(model: nn.Module, shift: Tensor, shape: Sequence[int]) -> None:
    """Add `shift` [K] to the logits of a network, by the bias of its last layer, in place.

    `shape` is (C, H, W) of an image. Raises UsageError where it does not end in a linear layer with
    a bias.
    """
    bias = last_bias(model, shape)
    with torch.no_grad():
        bias += shift.to(bias)


def last_bias(model: nn.Module, shape: Sequence[int]) -> Tensor:
    """The bias [K] of the layer whose output is the network's. Raises as `shift_outputs` does."""
    name, _ = head_input(model, shape)
    last = [layer for layer in model.get_submodule(name).modules() if isinstance(layer, nn.Linear)]
    if last[-1].bias is None:
        raise UsageError(f"the network's last layer {name} has no bias")
    return last[-1].bias


def add_hidden_layer(model: nn.Module, shape: Sequence[int], *, units: int) -> str:
    """Make a `HiddenHead` of the final linear layer, in place; returns its name.

    The new layers are drawn as torch draws them, from its global generator. Raises UsageError where
    the network does not end in a linear layer, or is nothing else.
    """
    name, _ = head_input(model, shape)
    old = model.get_submodule(name)
    if not name:
        raise UsageError("the network is a single layer: there is nothing before its head")
    if not isinstance(old, nn.Linear):
        raise UsageError(f"the network's head has a hidden layer already ({name})")
    new = HiddenHead(old.in_features, units, old.out_features).train(old.training)
    parent, _, last = name.rpartition(".")
    setattr(
        model.get_submodule(parent), last, new.to(device=old.weight.device, dtype=old.weight.dtype)
    )
    return name


def _pass(model: nn.Module, shape: Sequence[int]) -> Tensor:
    """Output of the network for one empty image."""
    home = reference_tensor(model)
    image = torch.zeros((1, *shape), device=home.device, dtype=home.dtype)
    with evaluation_mode(model), torch.no_grad():
        return torch.as_tensor(model(image))
