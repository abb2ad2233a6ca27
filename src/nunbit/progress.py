"""Progress of long work, reported without knowing who listens.

A stage calls `note` and `track`, training also the others; `SILENT` ignores it all.
The terminal's version is in `nunbit.cli.display`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Listener to long work; every method returns quickly."""

    def note(self, message: str) -> None:
        """A remark that the user should read once."""

    def detail(self, message: str) -> None:
        """A remark for those who ask for every detail; others find it in the report."""

    def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:
        """Pass `items` through while showing how many of `total` are done."""
        ...

    def training_started(self, *, model: str, epochs: int | None, minutes: float | None) -> None:
        """Training begins, for a number of epochs or of minutes."""

    def step(self, *, epoch: int, fraction: float, images_per_second: float, left: float) -> None:
        """A step was done: fraction of the epoch, speed, and seconds left until training ends."""

    def epoch_ended(self, record: Mapping[str, float]) -> None:
        """An epoch ended; `record` is its line of metrics.jsonl."""

    def training_ended(self) -> None:
        """Training is over, or was stopped."""


class Silent:
    """Listener that ignores everything."""

    def note(self, message: str) -> None:
        """Ignored."""

    def detail(self, message: str) -> None:
        """Ignored."""

    def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:  # noqa: ARG002
        """The items as they are."""
        return iter(items)

    def training_started(self, *, model: str, epochs: int | None, minutes: float | None) -> None:
        """Ignored."""

    def step(self, *, epoch: int, fraction: float, images_per_second: float, left: float) -> None:
        """Ignored."""

    def epoch_ended(self, record: Mapping[str, float]) -> None:
        """Ignored."""

    def training_ended(self) -> None:
        """Ignored."""


SILENT: Progress = Silent()
