"""How numbers read in the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def count(number: int) -> str:
    """1842 as 1,842."""
    return f"{number:,}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """'1 image', '2,000 images'."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(share: float) -> str:
    """0.921 as '92.1 %'; never 0 or 100 by rounding alone."""
    return f"{_percent_number(share)} %"


def percent_with_range(share: float, interval: Sequence[float]) -> str:
    """0.921 as '92.1 % (90.8 to 93.2)'."""
    low, high = (_percent_number(bound) for bound in interval)
    return f"{percent(share)} ({low} to {high})"


def confidence(probability: float) -> str:
    """0.921 as '92.1 %'; from 99.95 on '>99.9 %'."""
    return ">99.9 %" if probability >= 0.9995 else f"{100 * probability:.1f} %"


def share(number: float | None) -> str:
    """The same; a dash for no number."""
    return "–" if number is None or number != number else percent(number)  # noqa: PLR0124


def decimal(number: float | None) -> str:
    """Four decimals; exponents where that would show nothing; a dash for no number."""
    if number is None or number != number:  # noqa: PLR0124 - not a number
        return "–"
    return f"{number:.4f}" if abs(number) >= 0.001 or number == 0 else f"{number:.2e}"


def duration(seconds: float) -> str:
    """3725 as '1 h 2 min'."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def plain(value: Any) -> str:
    """A setting's value as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    return str(value)


def _percent_number(share: float) -> str:
    if share in (0, 1):
        return f"{100 * share:.0f}"
    for decimals in (1, 2, 3):
        text = f"{100 * share:.{decimals}f}"
        if float(text) not in (0.0, 100.0):
            return text
    return "<0.001" if share < 0.5 else ">99.999"
