"""The seconds that a pipeline spends in each of its stages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """Seconds spent in each stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            self.seconds[name] = self.seconds.get(name, 0.0) + spent

    def summary(self) -> dict[str, float]:
        """The stages and their total, rounded to milliseconds."""
        total = {"total": sum(self.seconds.values()), **self.seconds}
        return {name: round(value, 3) for name, value in total.items()}
