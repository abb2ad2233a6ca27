"""Base class of checks.

A new one is a file in `metadata` or `pixels` with a class like this, and a line in `registry`:

    class Panoramas(Check):
        name = "panoramas"
        needs = "metadata"

        def run(self, context: Context) -> Iterator[Finding]:
            ...
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Literal, TypeAlias

from nunbit.checks.context import Context
from nunbit.checks.finding import Finding
from nunbit.checks.measurements.observer import Observer

Needs: TypeAlias = Literal["metadata", "pixels", "embedding"]
"""Inputs of a check: files and labels alone, which every training checks; every image in one
pass; or also the features that tell which images are alike."""


class Check(ABC):
    """One look at the data, for one kind of fault."""

    name: ClassVar[str]
    """Stable and unique; the time that the check took stands under it."""
    needs: ClassVar[Needs]

    def observers(self, context: Context) -> tuple[Observer, ...]:
        """Observers of every image before `run`; the first of one type serves all checks.

        That of the features is there without being asked for where `needs` is "embedding".
        """
        del context
        return ()

    @abstractmethod
    def run(self, context: Context) -> Iterable[Finding]:
        """Run the check: findings, in the order in which they should be read."""
