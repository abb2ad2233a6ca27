"""How each of torch's operations moves the part of the image that its result sees.

One rule for each kind of operation, found by the operation's name in the aten library, which every
network comes down to; branches need no special care, for a rule sees all tensors that meet in it.
Operations without a rule give `UNKNOWN`, which the summary does not pass over in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor

from nunbit.models.arithmetic import spread
from nunbit.models.summary.fields import (
    Atom,
    Dim,
    Field,
    Move,
    gather,
    merge,
    moves_in,
    plain_move,
    size_of,
    still,
    view,
)


class Unknown:
    """The field of a tensor that no rule could follow."""


UNKNOWN: Final = Unknown()
Seen: TypeAlias = Field | Unknown | None
"""A field, none where a tensor does not depend on the image, or `UNKNOWN`."""
Look: TypeAlias = Callable[[Any], Seen]
Rule: TypeAlias = Callable[[Sequence[Any], Look, Sequence[Tensor]], Seen | list[Seen]]
"""(arguments of the operation, field of a tensor, results) -> field of the results."""


def fields_after(
    operation: Any, arguments: Sequence[Any], look: Look, results: Sequence[Tensor]
) -> list[Seen]:
    """The field of each result of an operation on tensors of known fields."""
    inputs = [look(tensor) for tensor in _tensors(arguments)]
    if all(field is None for field in inputs):
        return [None] * len(results)
    name = operation.overloadpacket.__name__.rstrip("_").lstrip("_")
    rule = RULES.get(name)
    if rule is None and torch.Tag.pointwise in operation.tags:
        rule = _pointwise
    if rule is None or any(isinstance(field, Unknown) for field in inputs):
        return [None if name.endswith("_like") else UNKNOWN] * len(results)
    found = rule(arguments, look, results)
    return found if isinstance(found, list) else [found] * len(results)


def _tensors(arguments: Sequence[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for argument in arguments:
        if isinstance(argument, Tensor):
            found.append(argument)
        elif isinstance(argument, list | tuple):
            found += _tensors(argument)
    return found


def _known(fields: Sequence[Seen]) -> list[Field]:
    return [field for field in fields if isinstance(field, Field)]


def _only(arguments: Sequence[Any], look: Look) -> Field:
    """The field of the first argument, which the rule is about."""
    field = look(arguments[0])
    if not isinstance(field, Field):
        # An operation whose first tensor is fixed, though another depends on the image.
        raise _CannotFollowError
    return field


class _CannotFollowError(Exception):
    pass


def _guarded(rule: Rule) -> Rule:
    def guarded(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Any:
        try:
            return rule(arguments, look, results)
        except _CannotFollowError:
            return UNKNOWN

    return guarded


def _argument(arguments: Sequence[Any], index: int, default: Any) -> Any:
    return arguments[index] if len(arguments) > index else default


def _pointwise(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    fields = _known([look(tensor) for tensor in _tensors(arguments)])
    return merge(fields, results[0].shape)


def _same(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    field = _only(arguments, look)
    return field if field.shape == tuple(results[0].shape) else UNKNOWN


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
                raise _CannotFollowError
            dims[start + index] = still(size)
            continue
        first[move.axis] -= padding[index] * move.step
        extent[move.axis] += (kernel[index] - 1) * dilation[index] * move.step
        step = move.step * stride[index]
        dims[start + index] = (Atom(size, (Move(move.axis, step, size),)),)
    return Field(tuple(dims), tuple(first), tuple(extent), field.whole)


def _convolution(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    _, weight, _, stride, padding, dilation, transposed, *_ = arguments
    field = _only(arguments, look)
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


def _pooling(dilation_at: int | None) -> Rule:
    def rule(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
        kernel = list(arguments[1])
        directions = results[0].dim() - (2 if results[0].dim() > 3 else 1)
        directions = max(directions, len(kernel))
        stride = list(_argument(arguments, 2, [])) or kernel
        padding = list(_argument(arguments, 3, [0]))
        dilation = [1] if dilation_at is None else list(_argument(arguments, dilation_at, [1]))
        return _windows(
            _only(arguments, look),
            results[0].shape[-directions:],
            kernel=spread(kernel, directions),
            stride=spread(stride, directions),
            padding=spread(padding, directions),
            dilation=spread(dilation, directions),
        )

    return rule


def _adaptive_pooling(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    field = _only(arguments, look)
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


def _pad(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    field = _only(arguments, look)
    before = list(arguments[1][::2])
    directions = len(before)
    ones = [1] * directions
    sizes = results[0].shape[-directions:]
    return _windows(field, sizes, kernel=ones, stride=ones, padding=before[::-1], dilation=ones)


def _view(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    return view(_only(arguments, look), results[0].shape) or UNKNOWN


def _expand(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    return merge([_only(arguments, look)], results[0].shape)


def _permute(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    field = _only(arguments, look)
    return replace(field, dims=tuple(field.dims[dim] for dim in arguments[1]))


def _transpose(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    field = _only(arguments, look)
    dims = list(field.dims)
    one, other = (arguments[1], arguments[2]) if len(arguments) > 1 else (0, len(dims) - 1)
    dims[one], dims[other] = dims[other], dims[one]
    return replace(field, dims=tuple(dims))


def _reduce(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """Sum, mean, greatest or norm over some dimensions, or over all."""
    field = _only(arguments, look)
    places = [argument for argument in arguments[1:] if isinstance(argument, list)]
    if not places and len(arguments) > 1 and isinstance(arguments[1], int):
        places = [[arguments[1]]]
    chosen = {dim % len(field.dims) for dim in (places[0] if places else [])}
    chosen = chosen or set(range(len(field.dims)))
    field = gather(field, chosen)
    if results[0].dim() == len(field.dims):
        return merge([replace(field, dims=_resized(field.dims, chosen, 1))], results[0].shape)
    return replace(field, dims=tuple(d for i, d in enumerate(field.dims) if i not in chosen))


def _along(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    """Softmax and the like: each value of a dimension depends on all of it."""
    return gather(_only(arguments, look), [arguments[1]])


def _layer_norm(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    return gather(_only(arguments, look), [-1 - i for i in range(len(arguments[1]))])


def _group_norm(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    field = _only(arguments, look)
    return gather(field, range(1, len(field.dims)))


def _batch_norm(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    field = _only(arguments, look)
    batch_statistics = _argument(arguments, 5, False) is True
    others = [dim for dim in range(len(field.dims)) if dim != 1]
    return gather(field, others) if batch_statistics else field


def _product(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """[..., i, k] times [..., k, j], with an addend before them or without."""
    *addends, left, right = arguments[: 2 + (len(_tensors(arguments)) > 2)]
    shape = tuple(results[0].shape)
    fields = _known([look(addend) for addend in addends])
    seen_left, seen_right = look(left), look(right)
    if isinstance(seen_left, Field):
        field = gather(seen_left, [-1])
        fields.append(replace(field, dims=(*field.dims[:-1], still(shape[-1]))))
    if isinstance(seen_right, Field):
        field = gather(seen_right, [-2])
        dims = (*field.dims[:-2], still(shape[-2]), field.dims[-1])
        fields.append(replace(field, dims=dims))
    return merge(fields, shape)


def _attention(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """Queries [..., i, d], keys and values [..., j, d] in one operation."""
    shape = tuple(results[0].shape)
    fields: list[Field] = []
    for index, tensor in enumerate(arguments[:3]):
        field = look(tensor)
        if isinstance(field, Field):
            field = gather(field, [-1] if index == 0 else [-2, -1])
            kept = field.dims[-2] if index == 0 else still(shape[-2])
            dims = (*field.dims[:-2], kept, still(shape[-1]))
            fields.append(replace(field, dims=dims))
    return [merge(fields, shape)] + [UNKNOWN] * (len(results) - 1)  # type: ignore[return-value]


def _cat(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    shape = tuple(results[0].shape)
    dim = _argument(arguments, 1, 0) % len(shape)
    fields = _known([look(tensor) for tensor in arguments[0]])
    moving = {moves_in(field.dims[dim]) for field in fields}
    if moving == {()}:
        joined: Dim = still(shape[dim])
    elif len(fields) == 1:  # beside fixed values, such as a class token
        joined = (Atom(shape[dim], moving.pop()),)
    else:
        return UNKNOWN
    joined_fields = [replace(f, dims=(*f.dims[:dim], joined, *f.dims[dim + 1 :])) for f in fields]
    return merge(joined_fields, shape)


def _stack(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    shape = tuple(results[0].shape)
    dim = _argument(arguments, 1, 0) % len(shape)
    fields = _known([look(tensor) for tensor in arguments[0]])
    stacked = [replace(f, dims=(*f.dims[:dim], still(shape[dim]), *f.dims[dim:])) for f in fields]
    return merge(stacked, shape)


def _cut(field: Field, dim: int, *, start: int, step: int, size: int) -> Field:
    """Every `step`-th of the positions of a dimension, from `start` on."""
    old = field.dims[dim]
    if size == size_of(old) and step == 1:
        return field
    move = plain_move(old)
    if move is None:
        if moves_in(old):
            raise _CannotFollowError
        return replace(field, dims=_resized(field.dims, {dim}, size))
    first = list(field.first)
    first[move.axis] += start * move.step
    dims = list(field.dims)
    dims[dim] = (Atom(size, (Move(move.axis, move.step * step, size),)),)
    return replace(field, dims=tuple(dims), first=tuple(first))


def _slice(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    field = _only(arguments, look)
    dim = _argument(arguments, 1, 0) % len(field.dims)
    start = _argument(arguments, 2, None) or 0
    start = max(0, start + field.shape[dim]) if start < 0 else start
    step = _argument(arguments, 4, 1)
    return _cut(field, dim, start=start, step=step, size=results[0].shape[dim])


def _split(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> list[Seen]:
    field = _only(arguments, look)
    dim = _argument(arguments, 2, 0) % len(field.dims)
    parts: list[Seen] = []
    start = 0
    for result in results:
        parts.append(_cut(field, dim, start=start, step=1, size=result.shape[dim]))
        start += result.shape[dim]
    return parts


def _taken(field: Field, dim: int, index: int) -> Field:
    """One position of a dimension, which goes."""
    old = field.dims[dim]
    first = list(field.first)
    if moves_in(old):
        move = plain_move(old)
        if move is None:
            raise _CannotFollowError
        first[move.axis] += (index % size_of(old)) * move.step
    dims = field.dims[:dim] + field.dims[dim + 1 :]
    return replace(field, dims=dims, first=tuple(first))


def _select(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    field = _only(arguments, look)
    return _taken(field, arguments[1] % len(field.dims), arguments[2])


def _unbind(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> list[Seen]:
    field = _only(arguments, look)
    dim = _argument(arguments, 1, 0) % len(field.dims)
    return [_taken(field, dim, index) for index in range(len(results))]


def _roll(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    """A shift round the edge; what crosses it is masked by those that use this."""
    field = _only(arguments, look)
    first = list(field.first)
    for shift, dim in zip(arguments[1], _argument(arguments, 2, []), strict=True):
        move = plain_move(field.dims[dim])
        if move is None:
            if moves_in(field.dims[dim]):
                raise _CannotFollowError
            continue
        first[move.axis] -= shift * move.step
    return replace(field, first=tuple(first))


def _index(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """A list of places along one dimension, as in maps[:, [0, 2]]."""
    field = _only(arguments, look)
    places = arguments[1]
    given = [dim for dim, place in enumerate(places) if place is not None]
    if len(given) != 1 or places[given[0]].dim() != 1 or moves_in(field.dims[given[0]]):
        return UNKNOWN
    size = results[0].shape[given[0]]
    return replace(field, dims=_resized(field.dims, set(given), size))


def _resized(dims: Sequence[Dim], chosen: set[int], size: int) -> tuple[Dim, ...]:
    return tuple(still(size) if index in chosen else dim for index, dim in enumerate(dims))


_KINDS: dict[Rule, str] = {
    _pointwise: "hardswish native_dropout where addcmul addcdiv lerp copy",
    _same: "to_copy detach contiguous lift_fresh_copy lift_fresh alias as_strided dropout",
    _convolution: "convolution convolution_overrideable",
    _pooling(4): "max_pool2d_with_indices max_pool3d_with_indices",
    _pooling(None): "avg_pool1d avg_pool2d avg_pool3d",
    _adaptive_pooling: "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
    "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d",
    _pad: "constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d "
    "replication_pad1d replication_pad2d replication_pad3d",
    _view: "view unsafe_view reshape reshape_alias flatten unsqueeze squeeze",
    _expand: "expand",
    _permute: "permute",
    _transpose: "transpose t",
    _reduce: "mean sum amax amin linalg_vector_norm norm var std var_mean logsumexp max min",
    _along: "softmax safe_softmax log_softmax cumsum",
    _layer_norm: "native_layer_norm",
    _group_norm: "native_group_norm",
    _batch_norm: "native_batch_norm cudnn_batch_norm native_batch_norm_legit_no_training",
    _product: "mm bmm addmm baddbmm",
    _attention: "scaled_dot_product_flash_attention_for_cpu scaled_dot_product_flash_attention "
    "scaled_dot_product_efficient_attention scaled_dot_product_cudnn_attention",
    _cat: "cat",
    _stack: "stack",
    _slice: "slice",
    _split: "split split_with_sizes unsafe_split",
    _select: "select",
    _unbind: "unbind",
    _roll: "roll",
    _index: "index",
}
RULES: Mapping[str, Rule] = {
    name: _guarded(rule) for rule, names in _KINDS.items() for name in names.split()
}
"""Rule of each operation by its name in aten, without underscores at its ends."""
