"""Images that show one colour only: the one fault of appearance that needs no comparison."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import EXAMPLES, alone
from nunbit.checks.finding import Finding, excluding
from nunbit.checks.measurements.appearance import ONE_COLOUR, AppearanceObserver
from nunbit.formatting import count


class OneColour(Check):
    """Images in which no channel varies."""

    name = "one-colour"
    needs = "pixels"

    def observers(self, context: Context) -> tuple[AppearanceObserver, ...]:
        """See `Check.observers`."""
        return (AppearanceObserver(len(context.samples)),)

    def run(self, context: Context) -> Iterator[Finding]:
        """A warning that proposes to leave them out."""
        seen, samples = context.seen(AppearanceObserver).appearance, context.samples
        rows = np.setdiff1d(seen.seen, seen.colourful)
        if not len(rows):
            return
        paths = [samples.paths[row] for row in rows]
        yield Finding(
            kind="one-colour",
            severity="warning",
            title=f"{count(len(rows), 'image')} "
            f"{'shows' if len(rows) == 1 else 'show'} one colour only",
            count=len(rows),
            examples=tuple(paths[:EXAMPLES]),
            everything=tuple(paths),
            groups=alone(rows),
            why="Nothing in them tells their class. Measured: no channel varies by more than "
            f"{ONE_COLOUR} of 255 grey levels.",
            remedy="Leave them out; the fix list proposes it.",
            corrections=tuple(excluding(samples, int(row), "one colour only") for row in rows),
        )
