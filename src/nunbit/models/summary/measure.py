"""Measured receptive fields: the input pixels that an output's gradient reaches.

For the few layers that no rule can follow, such as those behind shifted windows. Slower than a
rule, bounded by the image, and for one value only: that in the middle.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.hooks import RemovableHandle

from nunbit.models.meta_tensors import reference_tensor
from nunbit.seeds import Purpose, torch_rng_for

FIRST, LAST = 56, 8
"""Results that are measured at most; each takes a backward pass."""
Use: TypeAlias = tuple[nn.Module, int]
"""A module and the turn of its use."""


def measured_extents(
    model: nn.Module, shape: Sequence[int], uses: Sequence[Use]
) -> dict[Use, tuple[int, ...]]:
    """Pixels in each direction that the middle value of each result sees.

    `uses` are in the order of the pass. From the first that sees the whole image on, the later ones
    are taken to do so as well. Of many, the first and the last are measured, and the others are
    missing from the answer. The model is in evaluation mode and has real weights, which stay as
    they are.
    """
    image = torch.rand(1, *shape, generator=torch_rng_for(0, Purpose.NOISE))
    image = image.to(reference_tensor(model)).requires_grad_()
    results = _results(model, image, uses)
    chosen = set(uses if len(uses) <= FIRST + LAST else [*uses[:FIRST], *uses[-LAST:]])
    whole = tuple(shape[1:])
    found: dict[Use, tuple[int, ...]] = {}
    for use in uses:
        if whole in found.values():
            found[use] = whole
        elif use in chosen:
            result = results[use]
            middle = result[tuple(size // 2 for size in result.shape)]
            (gradient,) = torch.autograd.grad(middle, image, retain_graph=True, allow_unused=True)
            extent = _extent(gradient, len(whole))
            if all(extent):  # a value that is cut off tells nothing
                found[use] = extent
    return found


def _results(model: nn.Module, image: Tensor, uses: Sequence[Use]) -> dict[Use, Tensor]:
    results: dict[Use, Tensor] = {}
    turns: dict[nn.Module, int] = {}
    handles: list[RemovableHandle] = []

    def keep(module: nn.Module, _: object, result: object) -> None:
        turns[module] = turns.get(module, 0) + 1
        tensors = [value for value in tree_leaves(result) if isinstance(value, Tensor)]
        # A copy, because a layer behind may work in place.
        results[module, turns[module]] = tensors[0] + 0

    with contextlib.ExitStack() as stack:
        for module in {module: None for module, _ in uses}:
            handles.append(module.register_forward_hook(keep))
            stack.callback(handles[-1].remove)
        stack.enter_context(torch.enable_grad())
        stack.enter_context(_transparent(model))
        model(image)
    return results


@contextlib.contextmanager
def _transparent(model: nn.Module) -> Iterator[None]:
    """Activations that cut off let everything through, and pooling averages, within the block.

    A gradient would otherwise miss the pixels that do not matter to this image.
    """
    opened: list[nn.Module] = []
    try:
        for module in model.modules():
            if isinstance(module, _CUT_OFF):
                module.__dict__["forward"] = torch.clone
            elif isinstance(module, nn.MaxPool2d):
                module.__dict__["forward"] = _average_of(module).forward
            else:
                continue
            opened.append(module)
        yield
    finally:
        for module in opened:
            del module.__dict__["forward"]  # the class's own shows again


_CUT_OFF = (nn.ReLU, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Threshold)


def _average_of(pool: nn.MaxPool2d) -> nn.AvgPool2d:
    return nn.AvgPool2d(pool.kernel_size, pool.stride, pool.padding, ceil_mode=pool.ceil_mode)


def _extent(gradient: Tensor | None, directions: int) -> tuple[int, ...]:
    if gradient is None:
        return (0,) * directions
    touched = gradient[0].abs().amax(0) > 0
    extents = []
    for axis in range(directions):
        others = [other for other in range(directions) if other != axis]
        along = (touched.amax(others) if others else touched).nonzero()
        extents.append(int(along.max() - along.min()) + 1 if len(along) else 0)
    return tuple(extents)
