"""Rules of operations that slide a window: convolution, pooling, padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from nunbit.models.arithmetic import spread
from nunbit.models.summary.fields import (
    Atom,
    Field,
    Move,
    gather,
    merge,
    moves_in,
    plain_move,
    size_of,
    still,
)
from nunbit.models.summary.seen import (
    UNKNOWN,
    CannotFollowError,
    Look,
    Rule,
    Seen,
    argument,
    field_of_first,
)


def _windows(
    field: Field,
    out_sizes: Sequence[int],
    *,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Field:
    """A window of `kernel` positions slides over the last dimensions."""
    dims, first, extent = list(field.dims), list(field.first), list(field.extent)
    start = len(dims) - len(out_sizes)
    for index, size in enumerate(out_sizes):
        dim = dims[start + index]
        move = plain_move(dim)
        if (kernel[index], stride[index], padding[index], size) == (1, 1, 0, size_of(dim)):
            continue
        if move is None:
            if moves_in(dim):
                raise CannotFollowError
            dims[start + index] = still(size)
            continue
        first[move.axis] -= padding[index] * move.step
        extent[move.axis] += (kernel[index] - 1) * dilation[index] * move.step
        step = move.step * stride[index]
        dims[start + index] = (Atom(size, (Move(move.axis, step, size),)),)
    return Field(tuple(dims), tuple(first), tuple(extent), field.whole)


def convolution(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """Every filter sees all channels of its group within its window."""
    _, weight, _, stride, padding, dilation, transposed, *_ = arguments
    field = field_of_first(arguments, look)
    directions = weight.dim() - 2
    if transposed and any(n > 1 for n in spread(list(stride), directions)):
        return UNKNOWN
    kernel = tuple(weight.shape[2:])
    numbers = [spread(list(n), directions) for n in (stride, padding, dilation)]
    if transposed:  # a plain convolution with the rest of the padding
        numbers[1] = tuple(
            d * (k - 1) - p for d, k, p in zip(numbers[2], kernel, numbers[1], strict=True)
        )
    field = gather(field, [1])  # every filter sees all channels, or those of its group
    field = replace(field, dims=(field.dims[0], still(results[0].shape[1]), *field.dims[2:]))
    field = _windows(
        field,
        results[0].shape[2:],
        kernel=kernel,
        stride=numbers[0],
        padding=numbers[1],
        dilation=numbers[2],
    )
    weights = look(weight)
    if isinstance(weights, Field):  # the image has a say in the filters themselves
        return merge([field, gather(weights, range(weight.dim()))], results[0].shape)
    return field


def pooling(dilation_at: int | None) -> Rule:
    """Maximum or mean of a window; `dilation_at` is the place of that argument, if there is one."""

    def rule(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
        kernel = list(arguments[1])
        directions = results[0].dim() - (2 if results[0].dim() > 3 else 1)
        directions = max(directions, len(kernel))
        stride = list(argument(arguments, 2, [])) or kernel
        padding = list(argument(arguments, 3, [0]))
        dilation = [1] if dilation_at is None else list(argument(arguments, dilation_at, [1]))
        return _windows(
            field_of_first(arguments, look),
            results[0].shape[-directions:],
            kernel=spread(kernel, directions),
            stride=spread(stride, directions),
            padding=spread(padding, directions),
            dilation=spread(dilation, directions),
        )

    return rule


def adaptive_pooling(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """Windows that cut the image into a given number of parts."""
    field = field_of_first(arguments, look)
    directions = len(arguments[1])
    out, size = results[0].shape[-directions:], field.shape[-directions:]
    single = [dim - directions for dim in range(directions) if out[dim] == 1]
    field = gather(field, single)
    # Windows from floor(i*n/m) to ceil((i+1)*n/m); where they are uneven, the widest counts.
    widest = [
        1 if m == 1 else max(-(-(i + 1) * n // m) - i * n // m for i in range(m))
        for n, m in zip(size, out, strict=True)
    ]
    steps = [max(1, n // m) for n, m in zip(size, out, strict=True)]
    zeros, ones = [0] * directions, [1] * directions
    return _windows(field, out, kernel=widest, stride=steps, padding=zeros, dilation=ones)


def padded(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """A margin around the image, by any rule."""
    field = field_of_first(arguments, look)
    before = list(arguments[1][::2])
    directions = len(before)
    ones = [1] * directions
    sizes = results[0].shape[-directions:]
    return _windows(field, sizes, kernel=ones, stride=ones, padding=before[::-1], dilation=ones)
