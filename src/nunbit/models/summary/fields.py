"""What part of the image one value of a tensor can see, and how this part moves with its position.

The usual triple (receptive field, stride, start) for each direction of the image, kept beside a
tensor while a network reshapes, splits, merges and multiplies it: every dimension of the tensor is
a product of counters (`Atom`), some of which move over the image. H height, W width of the image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise


@dataclass(frozen=True)
class Move:
    """`count` positions along one direction of the image, `step` pixels apart."""

    axis: int
    """0 height, 1 width."""
    step: int
    count: int


@dataclass(frozen=True)
class Atom:
    """A counter of `size` values within a dimension; channels move nowhere."""

    size: int
    moves: tuple[Move, ...] = ()

    @property
    def plain(self) -> Move | None:
        """The only move of a counter that is one, position by position."""
        if len(self.moves) == 1 and self.moves[0].count == self.size:
            return self.moves[0]
        return None


Dim = tuple[Atom, ...]
"""The counters of one dimension of a tensor, slowest first."""


@dataclass(frozen=True)
class Field:
    """The part of the image behind each value of a tensor."""

    dims: tuple[Dim, ...]
    first: tuple[int, ...]
    """For each direction, the first pixel seen from position 0; negative in the padding."""
    extent: tuple[int, ...]
    """For each direction, the number of pixels seen."""
    whole: frozenset[int] = frozenset()
    """Directions in which every value sees all that there is."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return tuple(size_of(dim) for dim in self.dims)

    def stride(self, axis: int) -> int | None:
        """Pixels of the image from one position to the next; None if nothing moves."""
        steps = [move.step for move in self._moves() if move.axis == axis and move.count > 1]
        return min(steps, default=self._single_step(axis))

    def _single_step(self, axis: int) -> int | None:
        return next((move.step for move in self._moves() if move.axis == axis), None)

    def _moves(self) -> Iterable[Move]:
        return chain.from_iterable(atom.moves for dim in self.dims for atom in dim)


def image_field(shape: Sequence[int]) -> Field:
    """The field of the input itself, [B, C, *directions]: every value sees its own pixel."""
    batch, channels, *sizes = shape
    moving = [(Atom(size, (Move(axis, 1, size),)),) for axis, size in enumerate(sizes)]
    ones = (1,) * len(sizes)
    return Field(((Atom(batch),), (Atom(channels),), *moving), tuple(0 for _ in sizes), ones)


def size_of(dim: Dim) -> int:
    """Length of a dimension."""
    return math.prod(atom.size for atom in dim)


def plain_move(dim: Dim) -> Move | None:
    """The move of a dimension that is nothing but positions along one direction."""
    return dim[0].plain if len(dim) == 1 else None


def moves_in(dim: Dim) -> tuple[Move, ...]:
    """All moves within a dimension."""
    return tuple(chain.from_iterable(atom.moves for atom in dim))


def gather(field: Field, dims: Iterable[int], axes: Iterable[int] | None = None) -> Field:
    """The field after every value of the named dimensions has been seen by all of them.

    The dimensions stay, but no longer move: over `axes` only, or over all. What a sum, a softmax,
    a matrix product or a flattening followed by one does.
    """
    chosen = {dim % len(field.dims) for dim in dims}
    allowed = set(range(len(field.extent)) if axes is None else axes)
    extent = list(field.extent)
    touched: set[int] = set()
    new: list[Dim] = []
    for index, dim in enumerate(field.dims):
        if index not in chosen:
            new.append(dim)
            continue
        for move in moves_in(dim):
            if move.axis in allowed:
                extent[move.axis] += move.step * (move.count - 1)
                touched.add(move.axis)
        new.append(tuple(_without(atom, allowed) for atom in dim))
    left = {move.axis for dim in new for move in moves_in(dim)}
    return Field(tuple(new), field.first, tuple(extent), field.whole | (touched - left))


def merge(fields: Sequence[Field], shape: Sequence[int]) -> Field:
    """The field of a value of `shape` that is made from one value of each, broadcast."""
    aligned = [_broadcast(field, shape) for field in fields]
    counters = [_common_counters([field.dims[i] for field in aligned]) for i in range(len(shape))]
    aligned = [_apart(field, counters) for field in aligned]
    for axis in range(len(aligned[0].extent)):
        whole = any(axis in field.whole for field in aligned)
        unlike = [
            index
            for index in range(len(aligned[0].dims))
            if whole or len({_signature(field.dims[index], axis) for field in aligned}) > 1
        ]
        aligned = [gather(field, unlike, [axis]) for field in aligned]
    chosen = iter(
        _first_moving(candidates) for candidates in zip(*(f.dims for f in aligned), strict=True)
    )
    dims = tuple(coalesce(chain(*(next(chosen) for _ in sizes))) for sizes in counters)
    first = tuple(map(min, zip(*(field.first for field in aligned), strict=True)))
    ends = [
        max(field.first[axis] + field.extent[axis] for field in aligned)
        for axis in range(len(first))
    ]
    extent = tuple(end - start for end, start in zip(ends, first, strict=True))
    return Field(dims, first, extent, frozenset[int]().union(*(f.whole for f in aligned)))


def view(field: Field, shape: Sequence[int]) -> Field | None:
    """The field under another shape of the same values; None where it cannot be followed."""
    dims = _divide(chain.from_iterable(field.dims), shape)
    return None if dims is None else replace(field, dims=dims)


def coalesce(atoms: Iterable[Atom]) -> Dim:
    """The same counters, with neighbours joined that count on as one."""
    joined: list[Atom] = []
    for atom in atoms:
        if atom.size == 1 and not atom.moves:
            continue
        together = _joined(joined[-1], atom) if joined else None
        joined[-1:] = [together] if together else [*joined[-1:], atom]
    return tuple(joined) or still(1)


def _joined(slow: Atom, fast: Atom) -> Atom | None:
    size = slow.size * fast.size
    if not slow.moves and not fast.moves:
        return Atom(size)
    one, other = slow.plain, fast.plain
    if one and other and one.axis == other.axis and one.step == other.step * other.count:
        return Atom(size, (Move(one.axis, other.step, size),))
    return None


def _divide(atoms: Iterable[Atom], shape: Sequence[int]) -> tuple[Dim, ...] | None:
    """Counters in a row as the dimensions of `shape`; None where one would have to be torn."""
    rest = list(reversed(coalesce(atoms)))
    if rest == [Atom(1)]:
        rest = []
    dims: list[Dim] = []
    for size in shape:
        dim: list[Atom] = []
        if size == 1 and rest and rest[-1].size == 1:
            dim.append(rest.pop())
        missing = size
        while missing > 1:
            atom = rest.pop()
            if missing % atom.size:
                halves = _split(atom, missing)
                if halves is None:
                    return None
                atom, inner = halves
                rest.append(inner)
            dim.append(atom)
            missing //= atom.size
        dims.append(tuple(dim) or still(size))
    if dims:  # single positions that found no dimension of their own
        dims[-1] = (*dims[-1], *reversed(rest))
    return tuple(dims)


def _common_counters(dims: Sequence[Dim]) -> tuple[int, ...]:
    """Sizes, slowest first, into which the counters of all these dimensions can be split."""
    size = size_of(dims[0])
    ends = {size}
    for dim in dims:
        inner = 1
        for atom in reversed(coalesce(dim)):
            ends.add(inner)
            inner *= atom.size
    ordered = sorted(ends | {1})
    if any(large % small for small, large in pairwise(ordered)):
        return (size,)
    return tuple(large // small for small, large in pairwise(ordered))[::-1] or (size,)


def _apart(field: Field, counters: Sequence[tuple[int, ...]]) -> Field:
    """The field with its dimensions split into these counters; what cannot be split is gathered."""
    torn = [i for i, sizes in enumerate(counters) if _divide(field.dims[i], sizes) is None]
    field = gather(field, torn)
    split = (_divide(dim, sizes) for dim, sizes in zip(field.dims, counters, strict=True))
    return replace(field, dims=tuple(chain.from_iterable(dims or () for dims in split)))


def _first_moving(dims: Sequence[Dim]) -> Dim:
    return next((dim for dim in dims if moves_in(dim)), dims[0])


def still(size: int) -> Dim:
    """A dimension that does not move over the image."""
    return (Atom(size),)


def _split(atom: Atom, outer: int) -> tuple[Atom, Atom] | None:
    """One counter as two, the slower of which has `outer` values."""
    if atom.size % outer or (atom.moves and atom.plain is None):
        return None
    inner = atom.size // outer
    if atom.plain is None:
        return Atom(outer), Atom(inner)
    axis, step = atom.plain.axis, atom.plain.step
    return Atom(outer, (Move(axis, step * inner, outer),)), Atom(inner, (Move(axis, step, inner),))


def _without(atom: Atom, axes: set[int]) -> Atom:
    return replace(atom, moves=tuple(move for move in atom.moves if move.axis not in axes))


def _broadcast(field: Field, shape: Sequence[int]) -> Field:
    missing = len(shape) - len(field.dims)
    dims = ((still(1),) * missing + field.dims)[-len(shape) :] if shape else ()
    return replace(
        field,
        dims=tuple(
            dim if size_of(dim) == size else still(size)
            for dim, size in zip(dims, shape, strict=True)
        ),
    )


def _signature(dim: Dim, axis: int) -> tuple[Move, ...]:
    return tuple(move for move in moves_in(dim) if move.axis == axis and move.count > 1)
