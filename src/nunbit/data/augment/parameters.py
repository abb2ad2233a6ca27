"""Parameters of operations: each declared once with its limits and meaning, and always checked."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias

Span: TypeAlias = tuple[float, float]
"""The least and the greatest value of what is drawn."""
_RULE = "rule"


class Rule(Protocol):
    """What a parameter may be."""

    @property
    def meaning(self) -> str:
        """What it says, for the reader of a page."""
        ...

    @property
    def limits(self) -> str:
        """Its possible values in words, such as 'a number from 0 to 1'."""
        ...

    def accepted(self, value: object) -> object:
        """The value in its own type. Raises a ValueError without words for an impossible one."""
        ...


@dataclass(frozen=True, kw_only=True)
class NumberRule:
    """One number."""

    least: float
    most: float
    whole: bool
    meaning: str

    @property
    def limits(self) -> str:
        kind = "whole number" if self.whole else "number"
        return f"a {kind} from {self.least:g} to {self.most:g}"

    def accepted(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError
        if self.whole and not isinstance(value, int):
            raise ValueError
        if not self.least <= value <= self.most:  # also refuses what is not a number
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
        return f"two {kind} from {self.each.least:g} to {self.each.most:g}, the lower first"

    def accepted(self, value: object) -> tuple[float, float]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError
        low, high = (self.each.accepted(item) for item in value)
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

    def accepted(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise ValueError
        return value


def number(default: float, meaning: str, *, least: float, most: float) -> Any:
    """A field for one number, limits included."""
    rule = NumberRule(least=least, most=most, whole=False, meaning=meaning)
    return dataclasses.field(default=default, metadata={_RULE: rule})


def whole(default: int, meaning: str, *, least: int, most: int) -> Any:
    """A field for one whole number, limits included."""
    rule = NumberRule(least=least, most=most, whole=True, meaning=meaning)
    return dataclasses.field(default=default, metadata={_RULE: rule})


def span(default: Span, meaning: str, *, least: float, most: float, whole: bool = False) -> Any:
    """A field for the least and the greatest value of what is drawn, limits included."""
    each = NumberRule(least=least, most=most, whole=whole, meaning=meaning)
    return dataclasses.field(default=default, metadata={_RULE: SpanRule(each=each)})


def choice(default: str, meaning: str, *, options: tuple[str, ...]) -> Any:
    """A field for one of some words."""
    rule = ChoiceRule(options=options, meaning=meaning)
    return dataclasses.field(default=default, metadata={_RULE: rule})


def probability(default: float) -> Any:
    """The field that every operation has."""
    return number(default, "share of the images that it happens to", least=0, most=1)


@dataclass(frozen=True, kw_only=True)
class Configured:
    """A named value with parameters; making one raises ValueError for an impossible parameter."""

    name: ClassVar[str]
    """As it is written in a file."""

    probability: float = probability(1.0)

    def __post_init__(self) -> None:
        for parameter, rule in rules(type(self)).items():
            value = getattr(self, parameter)
            try:
                accepted = rule.accepted(value)
            except ValueError:
                raise ValueError(f"{parameter} = {value!r} is not {rule.limits}") from None
            object.__setattr__(self, parameter, accepted)


def rules(kind: type[Configured]) -> dict[str, Rule]:
    """Parameter names of an operation, the probability first, and what each may be."""
    return {
        field.name: field.metadata[_RULE]
        for field in dataclasses.fields(kind)
        if _RULE in field.metadata
    }


def description(kind: type[Configured]) -> str:
    """What an operation does, in a few sentences: its docstring as one line."""
    return " ".join((kind.__doc__ or "").split())
