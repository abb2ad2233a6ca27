"""Rules of operations that rearrange values: views, cuts, joins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from nunbit.models.summary.fields import (
    Atom,
    Dim,
    Field,
    Move,
    merge,
    moves_in,
    plain_move,
    size_of,
    still,
    view,
)
from nunbit.models.summary.seen import (
    UNKNOWN,
    CannotFollowError,
    Look,
    Seen,
    argument,
    field_of_first,
    known,
    resized,
)


def reshaped(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """The same values under another shape."""
    return view(field_of_first(arguments, look), results[0].shape) or UNKNOWN


def expand(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """Repetition along dimensions of one."""
    return merge([field_of_first(arguments, look)], results[0].shape)


def permute(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    """Dimensions in another order."""
    field = field_of_first(arguments, look)
    return replace(field, dims=tuple(field.dims[dim] for dim in arguments[1]))


def transpose(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    """Two dimensions exchanged."""
    field = field_of_first(arguments, look)
    dims = list(field.dims)
    one, other = (arguments[1], arguments[2]) if len(arguments) > 1 else (0, len(dims) - 1)
    dims[one], dims[other] = dims[other], dims[one]
    return replace(field, dims=tuple(dims))


def cat(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """Tensors side by side along one of their dimensions."""
    shape = tuple(results[0].shape)
    dim = argument(arguments, 1, 0) % len(shape)
    fields = known([look(tensor) for tensor in arguments[0]])
    moving = {moves_in(field.dims[dim]) for field in fields}
    if moving == {()}:
        joined: Dim = still(shape[dim])
    elif len(fields) == 1:  # beside fixed values, such as a class token
        joined = (Atom(shape[dim], moving.pop()),)
    else:
        return UNKNOWN
    joined_fields = [replace(f, dims=(*f.dims[:dim], joined, *f.dims[dim + 1 :])) for f in fields]
    return merge(joined_fields, shape)


def stack(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """Tensors side by side along a new dimension."""
    shape = tuple(results[0].shape)
    dim = argument(arguments, 1, 0) % len(shape)
    fields = known([look(tensor) for tensor in arguments[0]])
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
            raise CannotFollowError
        return replace(field, dims=resized(field.dims, {dim}, size))
    first = list(field.first)
    first[move.axis] += start * move.step
    dims = list(field.dims)
    dims[dim] = (Atom(size, (Move(move.axis, move.step * step, size),)),)
    return replace(field, dims=tuple(dims), first=tuple(first))


def sliced(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """A range of places along one dimension."""
    field = field_of_first(arguments, look)
    dim = argument(arguments, 1, 0) % len(field.dims)
    start = argument(arguments, 2, None) or 0
    start = max(0, start + field.shape[dim]) if start < 0 else start
    step = argument(arguments, 4, 1)
    return _cut(field, dim, start=start, step=step, size=results[0].shape[dim])


def split(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> list[Seen]:
    """Ranges of places, one after the other."""
    field = field_of_first(arguments, look)
    dim = argument(arguments, 2, 0) % len(field.dims)
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
            raise CannotFollowError
        first[move.axis] += (index % size_of(old)) * move.step
    dims = field.dims[:dim] + field.dims[dim + 1 :]
    return replace(field, dims=dims, first=tuple(first))


def select(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    """One place of a dimension."""
    field = field_of_first(arguments, look)
    return _taken(field, arguments[1] % len(field.dims), arguments[2])


def unbind(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> list[Seen]:
    """Every place of a dimension for itself."""
    field = field_of_first(arguments, look)
    dim = argument(arguments, 1, 0) % len(field.dims)
    return [_taken(field, dim, index) for index in range(len(results))]


def roll(arguments: Sequence[Any], look: Look, _: Sequence[Tensor]) -> Seen:
    """A shift round the edge; what crosses it is masked by those that use this."""
    field = field_of_first(arguments, look)
    first = list(field.first)
    for shift, dim in zip(arguments[1], argument(arguments, 2, []), strict=True):
        move = plain_move(field.dims[dim])
        if move is None:
            if moves_in(field.dims[dim]):
                raise CannotFollowError
            continue
        first[move.axis] -= shift * move.step
    return replace(field, first=tuple(first))


def indexed(arguments: Sequence[Any], look: Look, results: Sequence[Tensor]) -> Seen:
    """A list of places along one dimension, as in maps[:, [0, 2]]."""
    field = field_of_first(arguments, look)
    places = arguments[1]
    given = [dim for dim, place in enumerate(places) if place is not None]
    if len(given) != 1 or places[given[0]].dim() != 1 or moves_in(field.dims[given[0]]):
        return UNKNOWN
    size = results[0].shape[given[0]]
    return replace(field, dims=resized(field.dims, set(given), size))
