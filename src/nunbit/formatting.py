"""Numbers, lists and values as a reader sees them: pages, terminal and messages share these."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

DASH = "–"
"""Stands where there is no number."""
MINUS = "\N{MINUS SIGN}"
FILE_UNITS = ("bytes", "kB", "MB", "GB")


MAX_QUOTED = 200
"""Characters of somebody else's content that a message quotes."""


def quoted(value: object, limit: int = MAX_QUOTED) -> str:
    """Text of a value as it may stand in a message, whatever a file holds: cut where it is long."""
    text = str(value)
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NEUTRAL = re.compile(r"'+[=+\-@\t\r]")


def neutral_cell(text: str) -> str:
    """Text for a cell of a CSV file, with an apostrophe before what a spreadsheet would compute.

    Names of files and classes may begin with =, +, - or @ (OWASP, "CSV Injection");
    `plain_cell` gives the text back.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def plain_cell(cell: str) -> str:
    """Text that `neutral_cell` was given; a cell that it has not made is left as it is."""
    return cell[1:] if _NEUTRAL.match(cell) else cell


def count(number: int, noun: str = "", plural: str = "") -> str:
    """1842 as '1,842'; with a noun '1,842 images', '1 image'."""
    if not noun:
        return f"{number:,}"
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(fraction: float | None) -> str:
    """0.921 as '92.1 %'; never 0 or 100 by rounding alone; a dash where there is no number."""
    if fraction is None or math.isnan(fraction):
        return DASH
    return f"{_percent_number(fraction)} %"


def percentage(fraction: float, decimals: int = 1) -> str:
    """0.921 as '92.1 %', rounded to so many decimals; '-' where there is no number."""
    return f"{100 * fraction:.{decimals}f} %" if math.isfinite(fraction) else "-"


def percent_with_range(fraction: float, interval: Sequence[float]) -> str:
    """0.921 as '92.1 % (90.8 to 93.2)'."""
    low, high = (_percent_number(bound) for bound in interval)
    return f"{percent(fraction)} ({low} to {high})"


def confidence(probability: float) -> str:
    """0.921 as '92.1 %'; from 99.95 on '>99.9 %'."""
    return ">99.9 %" if probability >= 0.9995 else f"{100 * probability:.1f} %"


def decimal(number: float | None) -> str:
    """Four decimals, an exponent where those would show nothing, a dash for no number."""
    if number is None or math.isnan(number):
        return DASH
    return f"{number:.4f}" if abs(number) >= 0.001 or number == 0 else f"{number:.2e}"


def decimal_with_range(number: float, interval: Sequence[float]) -> str:
    """0.9213 as '0.9213 (0.9081 to 0.9317)'."""
    low, high = map(decimal, interval)
    return f"{decimal(number)} ({low} to {high})"


def decimal_with_short_range(number: float, interval: Sequence[float]) -> str:
    """0.9213 as '0.9213 (0.91 to 0.93)', for narrow columns."""
    low, high = interval
    return f"{decimal(number)} ({low:.2f} to {high:.2f})"


def points(difference: float) -> str:
    """0.012 as '1.2 points': percentage points, with a true minus sign."""
    number = _points_number(difference)
    return f"{number} {'point' if number == '1.0' else 'points'}"


def points_with_range(difference: float, interval: Sequence[float]) -> str:
    """0.012 as '1.2 points (0.4 to 2.0)'."""
    low, high = map(_points_number, interval)
    return f"{points(difference)} ({low} to {high})"


def signed_with_range(difference: float, interval: Sequence[float]) -> str:
    """0.012 as '+0.0120 (0.0041 to 0.0203)': a difference of numbers that are not fractions."""
    value, low, high = (f"{number:.4f}".replace("-", MINUS) for number in (difference, *interval))
    return f"{'+' if difference > 0 else ''}{value} ({low} to {high})"


def p_value(probability: float) -> str:
    """Three decimals, or '<0.001'."""
    return "<0.001" if probability < 0.001 else f"{probability:.3f}"


def duration(seconds: float) -> str:
    """3725 as '1 h 2 min'."""
    if not math.isfinite(seconds):
        return DASH
    if seconds < 10:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def rough_duration(seconds: float) -> str:
    """An estimated time: 'under a second', '12 s', '3 min', '2.5 h'."""
    if seconds < 1:
        return "under a second"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


def timestamp() -> str:
    """Local date and time of now with its zone: '2026-11-30 09:15 CET'."""
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")


def file_size(number: int) -> str:
    """Bytes as '1.4 MB', in powers of a thousand."""
    size, unit = float(number), 0
    while size >= 1000 and unit < len(FILE_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{number} bytes" if unit == 0 else f"{size:.1f} {FILE_UNITS[unit]}"


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


def listed(names: Sequence[str]) -> str:
    """'a, b and c'."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def examples(items: Iterable[str], *, max_shown: int = 3) -> str:
    """The first few items, quoted, and how many more there are: "'a', 'b', 'c' and 4 more"."""
    found = list(items)
    shown = ", ".join(f"'{item}'" for item in found[:max_shown])
    return shown if len(found) <= max_shown else f"{shown} and {len(found) - max_shown} more"


def _percent_number(fraction: float) -> str:
    if fraction in (0, 1):
        return f"{100 * fraction:.0f}"
    for decimals in (1, 2, 3):
        text = f"{100 * fraction:.{decimals}f}"
        if float(text) not in (0.0, 100.0):
            return text
    return "<0.001" if fraction < 0.5 else ">99.999"


def _points_number(difference: float) -> str:
    size = abs(100 * difference)
    text = f"{size:.1f}" if size >= 0.05 or size == 0 else f"{size:.2f}"
    return f"{MINUS}{text}" if difference < 0 and float(text) else text
