"""Multiplications, each with its addition, of the operations that networks spend their time on.

Convolutions and matrix products, as is usual; additions of biases, activations, normalisations and
pooling are not counted. Attention counts as the two products that it is: see
`unfused_attention`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel


def multiply_adds(operation: Any, arguments: Sequence[Any], results: Sequence[Tensor]) -> int:
    """Count for one operation of torch's aten library; 0 for those that are not counted."""
    count = _COUNTS.get(operation.overloadpacket.__name__.strip("_"))
    return count(arguments, results) if count else 0


@contextlib.contextmanager
def unfused_attention() -> Iterator[None]:
    """Attention as plain matrix products, within the block.

    Its fused kernels hide the products that they consist of, under names that differ by device and
    by torch's version: a count (torch's own FlopCounterMode among them, in 2.14.1) misses some.
    """
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)


def _convolution(arguments: Sequence[Any], results: Sequence[Tensor]) -> int:
    """Each filter at each position; a transposed one visits the positions of its input."""
    positions: Tensor = arguments[0] if arguments[6] else results[0]
    filters: Tensor = arguments[1]
    return positions.numel() * math.prod(filters.shape[1:])


def _product(left: Tensor, right: Tensor) -> int:
    """[..., i, k] times [..., k, j]."""
    return left.numel() * right.shape[-1]


def _recurrence(arguments: Sequence[Any], _: Sequence[Tensor]) -> int:
    """Both matrices of a layer at every step [T, B, F]: from the input, and from the step before.

    The one operation that a recurrence is on a CPU with the library mkldnn.
    """
    steps, from_input, from_before = arguments[:3]
    return int(math.prod(steps.shape[:-1]) * (from_input.numel() + from_before.numel()))


_COUNTS: Mapping[str, Callable[[Sequence[Any], Sequence[Tensor]], int]] = {
    "convolution": _convolution,
    "convolution_overrideable": _convolution,
    "mm": lambda arguments, _: _product(arguments[0], arguments[1]),
    "bmm": lambda arguments, _: _product(arguments[0], arguments[1]),
    "addmm": lambda arguments, _: _product(arguments[1], arguments[2]),
    "baddbmm": lambda arguments, _: _product(arguments[1], arguments[2]),
    "mkldnn_rnn_layer": _recurrence,
}
