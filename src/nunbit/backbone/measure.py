"""One empty pass through a followed network: size, parameters and work at every node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.fx import Interpreter, Node
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nunbit.backbone.graph import Followed
from nunbit.models.meta_tensors import TRACE_ERRORS, meta_tensors, reference_tensor
from nunbit.models.mode import evaluation_mode
from nunbit.models.summary.multiply_adds import multiply_adds, unfused_attention

_IMAGES = 3
"""Images of the pass: a number that sizes of images and windows rarely have, to tell what is per
image."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Sizes and work by name of the node."""

    shapes: Mapping[str, tuple[int, ...]]
    """Shape of the tensor of one image; only for nodes that make one tensor with a row for each
    image."""
    parameters: Mapping[str, int]
    """Numbers in the parameters that were used up to and with this node."""
    multiply_adds: Mapping[str, int]
    """Count for one image, up to and with this node."""
    total_parameters: int


def measure(followed: Followed, shape: Sequence[int]) -> Measured:
    """Run three empty images of `shape` (C, H, W), without values where that is possible."""
    home = reference_tensor(followed)
    pass_ = _Pass(followed)
    with evaluation_mode(followed), torch.no_grad():
        try:
            images = torch.empty((_IMAGES, *shape), device="meta", dtype=home.dtype)
            functional_call(pass_, meta_tensors(pass_), (images,))
        except TRACE_ERRORS:
            pass_ = _Pass(followed)
            pass_(torch.zeros((_IMAGES, *shape), device=home.device, dtype=home.dtype))
    parameters, total = _parameters(followed)
    return Measured(
        shapes=pass_.shapes,
        parameters=parameters,
        multiply_adds=pass_.multiply_adds,
        total_parameters=total,
    )


class _Pass(nn.Module):
    """Runs the graph node by node and notes what comes of each."""

    def __init__(self, followed: Followed) -> None:
        super().__init__()
        self.followed = followed
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.multiply_adds: dict[str, int] = {}

    def forward(self, images: Tensor) -> None:
        with unfused_attention(), _Count() as count:
            _Noting(self, count).run(images)


class _Noting(Interpreter):
    def __init__(self, notes: _Pass, count: _Count) -> None:
        super().__init__(notes.followed)
        self._notes, self._count = notes, count

    def run_node(self, n: Node) -> Any:
        value = super().run_node(n)
        self._notes.multiply_adds[n.name] = self._count.total // _IMAGES
        if isinstance(value, Tensor) and value.ndim > 0 and len(value) == _IMAGES:
            self._notes.shapes[n.name] = tuple(value.shape[1:])
        return value


class _Count(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [value for value in tree_leaves(result) if isinstance(value, Tensor)]
        self.total += multiply_adds(func, args, tensors)
        return result


def _parameters(followed: Followed) -> tuple[dict[str, int], int]:
    """Numbers in the parameters used up to each node, each parameter once; and in all."""
    seen: set[Tensor] = set()
    total, upto = 0, {}
    for node in followed.graph.nodes:
        for parameter in _used_by(followed, node):
            if parameter not in seen:
                seen.add(parameter)
                total += parameter.numel()
        upto[node.name] = total
    return upto, total


def _used_by(followed: Followed, node: Node) -> list[nn.Parameter]:
    if node.op == "call_module":
        return list(followed.get_submodule(str(node.target)).parameters())
    if node.op == "get_attr":
        path, _, name = str(node.target).rpartition(".")
        value = getattr(followed.get_submodule(path), name)
        return [value] if isinstance(value, nn.Parameter) else []
    return []
