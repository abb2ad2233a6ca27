"""What one output value sees, measured: the input pixels that its gradient reaches.

For the few layers that no rule can follow, such as those behind shifted windows. Slower than a
rule, bounded by the image, and for one value only: that in the middle.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.hooks import RemovableHandle


def measured_extents(
    model: nn.Module, shape: Sequence[int], uses: Sequence[tuple[nn.Module, int]]
) -> list[tuple[int, ...]]:
    """Pixels in each direction that the middle value of each result sees.

    `uses` are modules with the turn of their use, in the order of the pass. From the first that
    sees the whole image on, the later ones are taken to do so as well. The model is in evaluation
    mode and has real weights, which stay as they are.
    """
    image = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    results = _results(model, image, uses)
    found: list[tuple[int, ...]] = []
    for use in uses:
        if found and found[-1] == tuple(shape[1:]):
            found.append(found[-1])
            continue
        result = results[use]
        middle = result[tuple(size // 2 for size in result.shape)]
        (gradient,) = torch.autograd.grad(middle, image, retain_graph=True, allow_unused=True)
        found.append(_extent(gradient, len(shape) - 1))
    return found


def _results(
    model: nn.Module, image: Tensor, uses: Sequence[tuple[nn.Module, int]]
) -> dict[tuple[nn.Module, int], Tensor]:
    results: dict[tuple[nn.Module, int], Tensor] = {}
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
        model(image)
    return results


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
