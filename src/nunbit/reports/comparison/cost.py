"""Cost of a run, in words."""

from __future__ import annotations

from dataclasses import dataclass

from nunbit.evaluation.comparison.values import RunRow
from nunbit.formatting import DASH, count, duration, file_size


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of a run, in words; a dash for what is not known."""

    parameters: str
    size: str
    speed: str
    training: str


def cost_of(row: RunRow) -> Cost:
    """Speed, size and training time of a run in words."""
    return Cost(
        parameters=DASH if row.parameters is None else count(row.parameters),
        size=DASH if row.model_bytes is None else file_size(row.model_bytes),
        speed=DASH if row.images_per_second is None else _speed(row.images_per_second),
        training=DASH if row.train_seconds is None else duration(row.train_seconds),
    )


def _speed(images_per_second: float) -> str:
    """Two digits are what such a measurement is worth."""
    return f"{float(f'{images_per_second:.2g}'):,.{0 if images_per_second >= 9.5 else 1}f}"
