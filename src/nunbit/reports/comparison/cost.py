"""What a run costs, in words."""

from __future__ import annotations

from dataclasses import dataclass

from nunbit.evaluation.comparison.values import RunRow
from nunbit.formatting import count, duration

UNITS = ("bytes", "kB", "MB", "GB")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run costs, in words; a dash for what is not known."""

    parameters: str
    size: str
    speed: str
    training: str


def cost_of(row: RunRow) -> Cost:
    """Speed, size and training time of a run in words."""
    return Cost(
        parameters="–" if row.parameters is None else count(row.parameters),
        size="–" if row.model_bytes is None else file_size(row.model_bytes),
        speed="–" if row.images_per_second is None else _speed(row.images_per_second),
        training="–" if row.train_seconds is None else duration(row.train_seconds),
    )


def file_size(number: int) -> str:
    """Bytes as '1.4 MB', in powers of a thousand."""
    size, unit = float(number), 0
    while size >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{number} bytes" if unit == 0 else f"{size:.1f} {UNITS[unit]}"


def _speed(images_per_second: float) -> str:
    """Two digits are what such a measurement is worth."""
    return f"{float(f'{images_per_second:.2g}'):,.{0 if images_per_second >= 9.5 else 1}f}"
