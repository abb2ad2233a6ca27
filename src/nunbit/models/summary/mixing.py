"""Rules of operations that mix values: sums, norms, products, attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from nunbit.models.summary.fields import (
    Field,
    gather,
    merge,
    still,
)
from nunbit.models.summary.seen import (
    UNKNOWN,
    Look,
    Seen,
    argument,
    field_of_first,
    known,
    resized,
    tensors_in,
)


def pointwise(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """Each value from the values at the same place, broadcast."""
    fields = known([look(tensor) for tensor in tensors_in(arguments)])
    return merge(fields, results[0].shape)


def same(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """The values as they are."""
    field = field_of_first(arguments, look)
    return field if field.shape == tuple(results[0].shape) else UNKNOWN


def reduce(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """Sum, mean, greatest or norm over some dimensions, or over all."""
    field = field_of_first(arguments, look)
    places = [argument for argument in arguments[1:] if isinstance(argument, list)]
    if not places and len(arguments) > 1 and isinstance(arguments[1], int):
        places = [[arguments[1]]]
    chosen = {dim % len(field.dims) for dim in (places[0] if places else [])}
    chosen = chosen or set(range(len(field.dims)))
    field = gather(field, chosen)
    if results[0].dim() == len(field.dims):
        return merge([replace(field, dims=resized(field.dims, chosen, 1))], results[0].shape)
    return replace(field, dims=tuple(d for i, d in enumerate(field.dims) if i not in chosen))


def along(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    """Softmax and the like: each value of a dimension depends on all of it."""
    return gather(field_of_first(arguments, look), [arguments[1]])


def layer_norm(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    """Each value depends on all of the last dimensions."""
    return gather(field_of_first(arguments, look), [-1 - i for i in range(len(arguments[1]))])


def group_norm(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    """Each value depends on all places, if only of its group of channels."""
    field = field_of_first(arguments, look)
    return gather(field, range(1, len(field.dims)))


def batch_norm(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    """With stored statistics, each value from itself; without, from all places."""
    field = field_of_first(arguments, look)
    batch_statistics = argument(arguments, 5, False) is True
    others = [dim for dim in range(len(field.dims)) if dim != 1]
    return gather(field, others) if batch_statistics else field


def product(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """[..., i, k] times [..., k, j], with an addend before them or without."""
    *addends, left, right = arguments[: 2 + (len(tensors_in(arguments)) > 2)]
    shape = tuple(results[0].shape)
    fields = known([look(addend) for addend in addends])
    seen_left, seen_right = look(left), look(right)
    if isinstance(seen_left, Field):
        field = gather(seen_left, [-1])
        fields.append(replace(field, dims=(*field.dims[:-1], still(shape[-1]))))
    if isinstance(seen_right, Field):
        field = gather(seen_right, [-2])
        dims = (*field.dims[:-2], still(shape[-2]), field.dims[-1])
        fields.append(replace(field, dims=dims))
    return merge(fields, shape)


def attention(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
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
