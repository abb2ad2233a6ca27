"""Checks of what images look like, measured in the one pass over their pixels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import finding_of_images
from nunbit.checks.finding import Finding
from nunbit.checks.measurements.appearance import Appearance, AppearanceObserver
from nunbit.formatting import count
from nunbit.types import Samples

MIN_IMAGES = 20
"""Number of images below which nothing can be called usual."""


class AppearanceCheck(Check):
    """A check that needs the appearance of every image."""

    needs = "pixels"

    def observers(self, context: Context) -> tuple[AppearanceObserver, ...]:
        """See `Check.observers`."""
        return (AppearanceObserver(len(context.samples)),)

    def run(self, context: Context) -> Iterator[Finding]:
        """See `findings`."""
        yield from self.findings(context.seen(AppearanceObserver).appearance, context.samples)

    @abstractmethod
    def findings(self, seen: Appearance, samples: Samples) -> Iterator[Finding]:
        """Findings about the images, the worst image of each first."""


def unlike_the_usual(
    samples: Samples, rows: Sequence[int], *, kind: str, how: str, why: str, remedy: str
) -> Finding:
    """A note about images that are `how`, such as "darker", against most of the same data."""
    verb = "is" if len(rows) == 1 else "are"
    return finding_of_images(
        samples,
        rows,
        kind=kind,
        severity="note",
        title=f"{count(len(rows), 'image')} {verb} much {how} than is usual here",
        why=why,
        remedy=remedy,
    )
