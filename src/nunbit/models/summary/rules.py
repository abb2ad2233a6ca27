"""Rules for the operations of which networks for images are made: what their results see.

One rule for each kind of operation, found by the operation's name in the aten library, which every
network comes down to: convolution, pooling, padding, what works value by value, sums, products
with weights, concatenation, and other shapes of the same values. Branches need no special care,
for a rule sees all tensors that meet in it. Operations without a rule give `UNKNOWN`; the summary
measures what follows (`nunbit.models.summary.measure`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor

from nunbit.models.arithmetic import spread
from nunbit.models.summary.fields import (
    CannotFollowError,
    Field,
    everything,
    gather,
    merge,
    moved,
    view,
)


class Unknown:
    """The field of a tensor that no rule could follow."""


UNKNOWN: Final = Unknown()
Seen: TypeAlias = Field | Unknown | None
"""A field, none where a tensor does not depend on the image, or `UNKNOWN`."""
Look: TypeAlias = Callable[[Any], Seen]
Rule: TypeAlias = Callable[[Sequence[Any], Look, Sequence[Tensor]], Field | list[Field]]
"""(arguments of the operation, field of a tensor, results) -> field of the results."""


def fields_after(
    operation: Any, arguments: Sequence[Any], look: Look, results: Sequence[Tensor]
) -> list[Seen]:
    """The field of each result of an operation on tensors of known fields."""
    inputs = [look(tensor) for tensor in _tensors_in(arguments)]
    if all(field is None for field in inputs):
        return [None] * len(results)
    name = operation.overloadpacket.__name__.strip("_")
    rule = RULES.get(name)
    if rule is None and torch.Tag.pointwise in operation.tags:
        rule = _pointwise
    if rule is None or any(isinstance(field, Unknown) for field in inputs):
        return [None if name.endswith("_like") else UNKNOWN] * len(results)
    try:
        found = rule(arguments, look, results)
    except CannotFollowError:
        return [UNKNOWN] * len(results)
    return list(found) if isinstance(found, list) else [found] * len(results)


def _tensors_in(arguments: Sequence[Any]) -> list[Tensor]:
    """All tensors among the arguments, those in lists included."""
    found: list[Tensor] = []
    for argument in arguments:
        if isinstance(argument, Tensor):
            found.append(argument)
        elif isinstance(argument, list | tuple):
            found += _tensors_in(argument)
    return found


def _known(look: Look, tensors: Sequence[Any]) -> list[Field]:
    return [field for tensor in tensors if isinstance(field := look(tensor), Field)]


def _first(arguments: Sequence[Any], look: Look) -> Field:
    """The field of the first argument; it may be fixed, though another depends on the image."""
    field = look(arguments[0])
    if not isinstance(field, Field):
        raise CannotFollowError
    return field


def _argument(arguments: Sequence[Any], index: int, default: Any) -> Any:
    return arguments[index] if len(arguments) > index else default


# ---- windows: convolution, pooling, padding ------------------------------------------------------


def _slide(
    field: Field,
    shape: Sequence[int],
    *,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Field:
    """A window of `kernel` positions slides over the last dimensions; `shape` is the result's."""
    start, axes = len(shape) - len(kernel), list(field.axes)
    for index in range(len(kernel)):
        dim = start + index
        standing = (kernel[index], stride[index], padding[index]) == (1, 1, 0)
        if not field.within(dim) or (standing and shape[dim] == field.shape[dim]):
            continue
        axis = field.plain(dim)
        if axis is None:  # tokens, or windows that lie side by side
            raise CannotFollowError
        axes[axes.index(axis)] = replace(
            axis,
            first=axis.first - padding[index] * axis.stride,
            extent=axis.extent + (kernel[index] - 1) * dilation[index] * axis.stride,
            stride=axis.stride * stride[index],
            count=shape[dim],
        )
    return Field(tuple(shape), tuple(axes))


def _convolution(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """Every filter sees all channels of its group within its window."""
    _, weight, _, stride, padding, dilation, transposed, *_ = arguments
    directions, kernel = weight.dim() - 2, tuple(weight.shape[2:])
    stride, padding, dilation = (spread(list(n), directions) for n in (stride, padding, dilation))
    if isinstance(look(weight), Field) or (transposed and max(stride) > 1):
        raise CannotFollowError  # filters made from the image, or positions between positions
    if transposed:  # a plain convolution with the rest of the padding
        rest = zip(dilation, kernel, padding, strict=True)
        padding = tuple(d * (k - 1) - p for d, k, p in rest)
    return _slide(
        gather(_first(arguments, look), [1]),
        results[0].shape,
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
    )


def _pooling(dilation_at: int | None) -> Rule:
    """Maximum or mean of a window; `dilation_at` is the place of that argument, if there is one."""

    def rule(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
        kernel = list(arguments[1])
        directions = max(results[0].dim() - (2 if results[0].dim() > 3 else 1), len(kernel))
        dilation = [1] if dilation_at is None else list(_argument(arguments, dilation_at, [1]))
        return _slide(
            _first(arguments, look),
            results[0].shape,
            kernel=spread(kernel, directions),
            stride=spread(list(_argument(arguments, 2, [])) or kernel, directions),
            padding=spread(list(_argument(arguments, 3, [0])), directions),
            dilation=spread(dilation, directions),
        )

    return rule


def _adaptive_pooling(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """Windows that divide the image into a given number of parts."""
    field, shape, directions = _first(arguments, look), results[0].shape, len(arguments[1])
    field = gather(field, [dim for dim in range(-directions, 0) if shape[dim] == 1])
    sizes = list(zip(field.shape[-directions:], shape[-directions:], strict=True))
    # Windows from floor(i*n/m) to ceil((i+1)*n/m); where they are uneven, the widest counts.
    widest = [max(-(-(i + 1) * n // m) - i * n // m for i in range(m)) for n, m in sizes]
    steps = [max(1, n // m) for n, m in sizes]
    zeros, ones = [0] * directions, [1] * directions
    return _slide(field, shape, kernel=widest, stride=steps, padding=zeros, dilation=ones)


def _padding(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """A margin around the image, whatever it is filled with."""
    before = list(arguments[1][::2])[::-1]
    ones = [1] * len(before)
    return _slide(
        _first(arguments, look),
        results[0].shape,
        kernel=ones,
        stride=ones,
        padding=before,
        dilation=ones,
    )


# ---- values: one by one, sums, products ----------------------------------------------------------


def _pointwise(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """Each value from the values at the same place, broadcast."""
    return merge(_known(look, _tensors_in(arguments)), results[0].shape)


def _same(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """The values as they are."""
    field = _first(arguments, look)
    if field.shape != tuple(results[0].shape):
        raise CannotFollowError
    return field


def _sum(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """Sum, mean, greatest or norm over some dimensions, or over all."""
    field, shape = _first(arguments, look), results[0].shape
    number = len(field.shape)
    lists = [given for given in arguments[1:] if isinstance(given, list)]
    single = [[arguments[1]]] if len(arguments) > 1 and isinstance(arguments[1], int) else []
    dims = {dim % number for dim in next(iter(lists or single), [])} or set(range(number))
    kept = [dim for dim in range(number) if dim not in dims or len(shape) == number]
    places = [kept.index(dim) if dim in kept else None for dim in range(number)]
    return moved(gather(field, dims), shape, places)


def _along(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Field:
    """Softmax and the like: each value of a dimension depends on all of it."""
    return gather(_first(arguments, look), [arguments[1]])


def _layer_norm(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """Each value depends on all of the last dimensions; the statistics have these as 1."""
    field = gather(_first(arguments, look), range(-len(arguments[1]), 0))
    return replace(field, shape=tuple(results[0].shape))


def _group_norm(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """Each value depends on all places, if only of its group of channels."""
    return replace(everything(_first(arguments, look)), shape=tuple(results[0].shape))


def _batch_norm(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """Each value from itself, or without stored statistics from all places."""
    field = _first(arguments, look)
    batch_statistics = _argument(arguments, 5, False) is True
    if batch_statistics or results[0].dim() != len(field.shape):
        return replace(everything(field), shape=tuple(results[0].shape))
    return field


def _product(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """[..., i, k] times [..., k, j], with an addend before them or without."""
    tensors = _tensors_in(arguments)
    *addends, left, right = tensors[:3]
    shape, fields = results[0].shape, _known(look, addends)
    seen_left = look(left)
    if isinstance(seen_left, Field):
        rows = gather(seen_left, [-1])
        fields.append(replace(rows, shape=(*rows.shape[:-1], shape[-1])))
    if isinstance(seen := look(right), Field):
        if isinstance(seen_left, Field):
            return _of_two(seen_left, seen, shape)
        fields.append(replace(gather(seen, [-2]), shape=(*seen.shape[:-2], *shape[-2:])))
    return merge(fields, shape)


def _of_two(left: Field, right: Field, shape: Sequence[int]) -> Field:
    """Attention: places weighed by other places, so that every value sees all of the image.

    But for attention within windows, which the dimensions before the last two count.
    """
    if any(seen.within(dim) for seen in (left, right) for dim in range(len(seen.shape) - 2)):
        raise CannotFollowError
    return replace(everything(left), shape=tuple(shape))


# ---- the same values in other places -------------------------------------------------------------


def _reshaped(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """The same values under another shape."""
    return view(_first(arguments, look), results[0].shape)


def _permuted(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """Dimensions in another order."""
    field = _first(arguments, look)
    number = len(field.shape)
    order = list(range(number))
    match arguments[1:]:
        case [list() as given]:
            order = [dim % number for dim in given]
        case [int() as one, int() as other]:
            order[one], order[other] = order[other], order[one]
        case _:
            order.reverse()
    return moved(field, results[0].shape, [order.index(dim) for dim in range(number)])


def _concatenated(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """Tensors side by side along one of their dimensions.

    A direction may be counted by it where the others are fixed, as beside a class token.
    """
    shape = tuple(results[0].shape)
    dim = _argument(arguments, 1, 0) % len(shape)
    fields = _known(look, arguments[0])
    if len(fields) > 1 and any(field.within(dim) for field in fields):
        raise CannotFollowError
    return merge([replace(field, shape=shape) for field in fields], shape)


def _stacked(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """Tensors side by side along a new dimension."""
    shape = tuple(results[0].shape)
    dim = _argument(arguments, 1, 0) % len(shape)
    places = [place + (place >= dim) for place in range(len(shape) - 1)]
    fields = _known(look, arguments[0])
    return merge([moved(field, shape, places) for field in fields], shape)


def _part(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """Some of a dimension that counts no positions: channels, heads, or the one image."""
    field = _first(arguments, look)
    return _cut(field, _argument(arguments, 1, 0) % len(field.shape), results[0].shape)


def _split(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> list[Field]:
    """Parts of a dimension, one after the other."""
    field = _first(arguments, look)
    dim = _argument(arguments, 2, 0) % len(field.shape)
    return [_cut(field, dim, result.shape) for result in results]


def _indexed(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Field:
    """A list of places along one dimension, as in maps[:, [0, 2]]."""
    given = [dim for dim, place in enumerate(arguments[1]) if place is not None]
    if len(given) != 1 or arguments[1][given[0]].dim() != 1:
        raise CannotFollowError
    return _cut(_first(arguments, look), given[0], results[0].shape)


def _cut(field: Field, dim: int, shape: Sequence[int]) -> Field:
    """A dimension that counts no positions, made shorter."""
    if field.within(dim) and tuple(shape) != field.shape:
        raise CannotFollowError
    return replace(field, shape=tuple(shape))


def _taken(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> list[Field]:
    """One place of a dimension, or every one for itself; a recurrence takes an image row by row."""
    field = _first(arguments, look)
    number = len(field.shape)
    dim = _argument(arguments, 1, 0) % number
    given = arguments[2:3] or range(len(results))
    if field.within(dim) and field.plain(dim) is None:
        raise CannotFollowError
    places = [None if place == dim else place - (place > dim) for place in range(number)]
    parts = []
    for result, index in zip(results, given, strict=True):
        ahead = index % field.shape[dim]
        axes = (
            replace(axis, first=axis.first + ahead * axis.stride) if axis.dim == dim else axis
            for axis in field.axes
        )
        parts.append(moved(replace(field, axes=tuple(axes)), result.shape, places))
    return parts


_KINDS: dict[Rule, str] = {
    _convolution: "convolution convolution_overrideable",
    _pooling(4): "max_pool2d_with_indices max_pool3d_with_indices",
    _pooling(None): "avg_pool1d avg_pool2d avg_pool3d",
    _adaptive_pooling: "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
    "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d",
    _padding: "constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d "
    "replication_pad1d replication_pad2d replication_pad3d",
    _pointwise: "hardswish native_dropout where addcmul addcdiv lerp copy expand",
    _same: "to_copy detach contiguous lift_fresh_copy lift_fresh alias as_strided dropout",
    _sum: "mean sum amax amin linalg_vector_norm norm var std var_mean logsumexp max min",
    _along: "softmax safe_softmax log_softmax cumsum",
    _layer_norm: "native_layer_norm",
    _group_norm: "native_group_norm",
    _batch_norm: "native_batch_norm cudnn_batch_norm native_batch_norm_legit_no_training",
    _product: "mm bmm addmm baddbmm",
    _reshaped: "view unsafe_view reshape reshape_alias flatten unsqueeze squeeze",
    _permuted: "permute transpose t",
    _concatenated: "cat",
    _stacked: "stack",
    _part: "slice",
    _taken: "select unbind",
    _split: "split split_with_sizes unsafe_split",
    _indexed: "index",
}
RULES: Mapping[str, Rule] = {name: rule for rule, names in _KINDS.items() for name in names.split()}
"""Rule of each operation by its name in aten, without underscores at its ends."""
