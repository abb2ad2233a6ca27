"""A number with its 95 % interval, and how a reader sees both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from nunbit.evaluation.ranking import Ranked
from nunbit.formatting import (
    decimal,
    decimal_with_range,
    decimal_with_short_range,
    percent,
    percent_with_range,
)


class Form(NamedTuple):
    """Format of a number."""

    value: Callable[[float | None], str]
    with_range: Callable[[float, tuple[float, float]], str]


AS_PERCENT = Form(percent, percent_with_range)
AS_DECIMAL = Form(decimal, decimal_with_range)
AS_SHORT_DECIMAL = Form(decimal, decimal_with_short_range)


@dataclass(frozen=True)
class Measured:
    """A number and, where one is known, its 95 % interval."""

    value: float
    ci95: tuple[float, float] | None = None
    note: str = ""
    """Remark on what was left out, or why there is no interval, as the end of a line."""

    def text(self, form: Form) -> str:
        """The number as a reader sees it, with its interval where it has one."""
        if self.ci95 is None:
            return form.value(self.value)
        return form.with_range(self.value, self.ci95)


def ranked(found: Ranked | None, note: str = "") -> Measured | None:
    """A number of a ranking, with a note where there is no interval; None where there is none."""
    if found is None:
        return None
    few = "" if found.ci95 else "too few images, or mistakes, of a class for an interval"
    return Measured(found.value, found.ci95, joined(note, few))


def joined(*notes: str) -> str:
    """Notes in one line, empty ones left out."""
    return "; ".join(note for note in notes if note)
