"""Parameters of operations: each declared once with its limits and meaning, and validated."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias

Span: TypeAlias = tuple[float, float]
"""Lowest and highest value that is sampled."""
_RULE = "rule"


class Rule(Protocol):
    """Permitted values of a parameter."""

    @property
    def meaning(self) -> str:
        """Meaning of the parameter, for the reader of a page."""
        ...

    @property
    def limits(self) -> str:
        """Permitted values in words, such as 'a number from 0 to 1'."""
        ...

    def validate(self, value: object) -> object:
        """Return the value in its own type. Raises ValueError without a message if impossible."""
        ...


@dataclass(frozen=True, kw_only=True)
class NumberRule:
    """One number."""

    min_value: float
    max_value: float
    whole: bool
    meaning: str

    @property
    def limits(self) -> str:
        kind = "whole number" if self.whole else "number"
        return f"a {kind} from {self.min_value:g} to {self.max_value:g}"

    def validate(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError
        if self.whole and not isinstance(value, int):
            raise ValueError
        if not self.min_value <= value <= self.max_value:  # NaN fails as well
            raise ValueError
        return value


@dataclass(frozen=True, kw_only=True)
class SpanRule:
    """Two numbers, the lower first."""

    each: NumberRule

    @property
    def meaning(self) -> str:
        return self.each.meaning

    @property
    def limits(self) -> str:
        kind = "whole numbers" if self.each.whole else "numbers"
        return (
            f"two {kind} from {self.each.min_value:g} to {self.each.max_value:g}, the lower first"
        )

    def validate(self, value: object) -> tuple[float, float]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError
        low, high = (self.each.validate(item) for item in value)
        if low > high:
            raise ValueError
        return low, high


@dataclass(frozen=True, kw_only=True)
class ChoiceRule:
    """One of some words."""

    options: tuple[str, ...]
    meaning: str

    @property
    def limits(self) -> str:
        return f"one of {', '.join(self.options)}"

    def validate(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise ValueError
        return value


def number(default: float, meaning: str, *, min_value: float, max_value: float) -> Any:
    """A field for one number, limits included."""
    rule = NumberRule(min_value=min_value, max_value=max_value, whole=False, meaning=meaning)
    return dataclasses.field(default=default, metadata={_RULE: rule})


def whole(default: int, meaning: str, *, min_value: int, max_value: int) -> Any:
    """A field for one whole number, limits included."""
    rule = NumberRule(min_value=min_value, max_value=max_value, whole=True, meaning=meaning)
    return dataclasses.field(default=default, metadata={_RULE: rule})


def span(
    default: Span, meaning: str, *, min_value: float, max_value: float, whole: bool = False
) -> Any:
    """A field for the lowest and the highest value that is sampled, limits included."""
    each = NumberRule(min_value=min_value, max_value=max_value, whole=whole, meaning=meaning)
    return dataclasses.field(default=default, metadata={_RULE: SpanRule(each=each)})


def choice(default: str, meaning: str, *, options: tuple[str, ...]) -> Any:
    """A field for one of some words."""
    rule = ChoiceRule(options=options, meaning=meaning)
    return dataclasses.field(default=default, metadata={_RULE: rule})


def probability(default: float) -> Any:
    """The field that every operation has."""
    return number(default, "fraction of the images that are changed", min_value=0, max_value=1)


@dataclass(frozen=True, kw_only=True)
class Configured:
    """A named value with parameters; making one raises ValueError for an impossible parameter."""

    name: ClassVar[str]
    """Name in files."""

    probability: float = probability(1.0)

    def __post_init__(self) -> None:
        for parameter, rule in rules(type(self)).items():
            value = getattr(self, parameter)
            try:
                validated = rule.validate(value)
            except ValueError:
                raise ValueError(f"{parameter} = {value!r} is not {rule.limits}") from None
            object.__setattr__(self, parameter, validated)


def rules(kind: type[Configured]) -> dict[str, Rule]:
    """Parameter names of an operation, the probability first, and what each may be."""
    return {
        field.name: field.metadata[_RULE]
        for field in dataclasses.fields(kind)
        if _RULE in field.metadata
    }


def description(kind: type[Configured]) -> str:
    """Description of an operation in a few sentences: its docstring as one line."""
    return " ".join((kind.__doc__ or "").split())
