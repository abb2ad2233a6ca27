"""Receptive fields: the part of the image that one value of a tensor sees.

The usual triple of extent, stride and first pixel for each direction of the image, and where in the
tensor the position along that direction is counted. Of a tensor [B, C, H, W], H is counted by
dimension 2; of the same values flattened to [B, C*H*W], by dimension 1 in steps of W.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace


class CannotFollowError(Exception):
    """No rule says what the result sees: it has to be measured."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Field of a value along one direction of the image."""

    first: int
    """The first pixel seen from position 0; negative in the padding."""
    extent: int
    """Number of pixels seen."""
    stride: int
    """Pixels of the image from one position to the next."""
    count: int
    """Number of positions."""
    dim: int | None
    """The tensor's dimension that counts the positions; None where all values see the same."""
    inner: int = 1
    """Distance to go in that dimension for the next position; 1 where it counts nothing else."""
    whole: bool = False
    """True if every value sees all that there is."""

    @property
    def end(self) -> int:
        """The pixel behind the last one seen from position 0."""
        return self.first + self.extent


@dataclass(frozen=True)
class Field:
    """The part of the image behind each value of a tensor of some shape."""

    shape: tuple[int, ...]
    axes: tuple[Axis, ...]

    def within(self, dim: int) -> tuple[Axis, ...]:
        """The directions that a dimension counts."""
        return tuple(axis for axis in self.axes if axis.dim == dim % len(self.shape))

    def plain(self, dim: int) -> Axis | None:
        """The direction that a dimension counts position by position, and nothing else."""
        axes = self.within(dim)
        return axes[0] if len(axes) == 1 and axes[0].count == self.shape[dim] else None


def image_field(shape: Sequence[int]) -> Field:
    """The field of the input itself, [B, C, *directions]: every value sees its own pixel."""
    sizes = shape[2:]
    axes = (
        Axis(first=0, extent=1, stride=1, count=size, dim=2 + number)
        for number, size in enumerate(sizes)
    )
    return Field(tuple(shape), tuple(axes))


def gather(field: Field, dims: Collection[int]) -> Field:
    """The field after all values along some dimensions have been brought together in each.

    What a sum, a softmax or a matrix product does. The dimensions stay, and count nothing more.
    """
    chosen = {dim % len(field.shape) for dim in dims}
    return replace(field, axes=tuple(_all(a) if a.dim in chosen else a for a in field.axes))


def everything(field: Field) -> Field:
    """The field of values that see all of the image."""
    return replace(field, axes=tuple(map(_all, field.axes)))


def moved(field: Field, shape: Sequence[int], places: Sequence[int | None]) -> Field:
    """The field whose dimension i became number `places[i]`; one that is gone counts nothing."""
    axes = (
        axis if axis.dim is None else replace(axis, dim=places[axis.dim]) for axis in field.axes
    )
    return Field(tuple(shape), tuple(axes))


def view(field: Field, shape: Sequence[int]) -> Field:
    """The field under another shape of the same values.

    An axis keeps its step in the flattened tensor, so it is looked for in the dimension whose range
    of steps holds it. Raises CannotFollowError where one would be torn, as by windows.
    """
    axes, before = [], -1
    for axis in field.axes:
        if axis.dim is not None:
            step = axis.inner * math.prod(field.shape[axis.dim + 1 :])
            before = _dimension(shape, step, axis.count, before)
            inner = step // math.prod(shape[before + 1 :])
            axis = replace(axis, dim=before, inner=inner)  # noqa: PLW2901 - the same, elsewhere
        axes.append(axis)
    return Field(tuple(shape), tuple(axes))


def merge(fields: Sequence[Field], shape: Sequence[int]) -> Field:
    """The field of values of `shape` that are made from one value of each tensor, broadcast.

    Where tensors meet whose positions differ, as when a gate that looked at the whole image is
    applied to maps, every value depends on all that any of them has seen.
    """
    aligned = [_broadcast(field, shape) for field in fields]
    return Field(tuple(shape), tuple(map(_joined, zip(*(f.axes for f in aligned), strict=True))))


def _dimension(shape: Sequence[int], step: int, count: int, before: int) -> int:
    """Find the dimension of `shape` that counts `count` positions at this flattened step.

    Several can where sizes are 1: then the one behind `before`, that of the direction before.
    """
    holding = []
    for dim, size in enumerate(shape):
        inside = math.prod(shape[dim + 1 :])
        if step % inside == 0 and step * count <= inside * size:
            holding.append(dim)
    exact = [dim for dim in holding if shape[dim] == count and dim > before]
    if not holding:
        raise CannotFollowError
    return (exact or holding)[0]


def _broadcast(field: Field, shape: Sequence[int]) -> Field:
    missing = len(shape) - len(field.shape)
    repeated = [n == 1 != m for n, m in zip(field.shape, shape[missing:], strict=True)]
    places = [None if again else missing + i for i, again in enumerate(repeated)]
    return moved(field, shape, places)


def _joined(axes: Sequence[Axis]) -> Axis:
    """One direction of all tensors that meet."""
    places = {
        (axis.dim, axis.inner, axis.count, axis.stride) for axis in axes if axis.dim is not None
    }
    still = any(axis.dim is None for axis in axes)
    if any(axis.whole for axis in axes) or len(places) + (still and bool(places)) > 1:
        axes = [_all(axis) for axis in axes]
    first, end = min(axis.first for axis in axes), max(axis.end for axis in axes)
    return replace(axes[0], first=first, extent=end - first)


def _all(axis: Axis) -> Axis:
    """A direction of which every value sees all positions that there were."""
    reach = 0 if axis.dim is None else axis.stride * (axis.count - 1)
    return replace(axis, extent=axis.extent + reach, dim=None, whole=True)
