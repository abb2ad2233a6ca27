"""What every rule needs: the field of a tensor, or that there is none, or none known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from torch import Tensor

from nunbit.models.summary.fields import Dim, Field, still


class Unknown:
    """The field of a tensor that no rule could follow."""


UNKNOWN: Final = Unknown()
Seen: TypeAlias = Field | Unknown | None
"""A field, none where a tensor does not depend on the image, or `UNKNOWN`."""
Look: TypeAlias = Callable[[Any], Seen]
Rule: TypeAlias = Callable[[Sequence[Any], Look, Sequence[Tensor]], Seen | list[Seen]]
"""(arguments of the operation, field of a tensor, results) -> field of the results."""


def tensors_in(arguments: Sequence[Any]) -> list[Tensor]:
    """All tensors among the arguments, those in lists included."""
    found: list[Tensor] = []
    for argument in arguments:
        if isinstance(argument, Tensor):
            found.append(argument)
        elif isinstance(argument, list | tuple):
            found += tensors_in(argument)
    return found


def known(fields: Sequence[Seen]) -> list[Field]:
    """The fields that are known."""
    return [field for field in fields if isinstance(field, Field)]


def field_of_first(arguments: Sequence[Any], look: Look) -> Field:
    """The field of the first argument, which the rule is about."""
    field = look(arguments[0])
    if not isinstance(field, Field):
        # An operation whose first tensor is fixed, though another depends on the image.
        raise CannotFollowError
    return field


class CannotFollowError(Exception):
    """A rule does not fit the fields at hand; the result's field is then `UNKNOWN`."""


def argument(arguments: Sequence[Any], index: int, default: Any) -> Any:
    """An argument, or its default where it is left out."""
    return arguments[index] if len(arguments) > index else default


def resized(dims: Sequence[Dim], chosen: set[int], size: int) -> tuple[Dim, ...]:
    """Dimensions, of which the chosen ones get another size and do not move."""
    return tuple(still(size) if index in chosen else dim for index, dim in enumerate(dims))
