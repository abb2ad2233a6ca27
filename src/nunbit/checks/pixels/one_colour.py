"""Images that show one colour only: the one fault of appearance that needs no comparison."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nunbit.checks.examples import finding_of_images
from nunbit.checks.finding import Finding, excluding
from nunbit.checks.measurements.appearance import ONE_COLOUR, Appearance
from nunbit.checks.pixels.appearance import AppearanceCheck
from nunbit.formatting import count
from nunbit.types import Samples


class OneColour(AppearanceCheck):
    """Images in which no channel varies."""

    name = "one-colour"

    def findings(self, seen: Appearance, samples: Samples) -> Iterator[Finding]:
        """A warning that proposes to leave them out."""
        rows = np.setdiff1d(seen.seen, seen.colourful).tolist()
        if not rows:
            return
        verb = "shows" if len(rows) == 1 else "show"
        yield finding_of_images(
            samples,
            rows,
            kind="one-colour",
            severity="warning",
            title=f"{count(len(rows), 'image')} {verb} one colour only",
            why="Nothing in them tells their class. Measured: no channel varies by more than "
            f"{ONE_COLOUR} of 255 grey levels.",
            remedy="Leave them out; the fix list proposes it.",
            corrections=tuple(excluding(samples, row, "one colour only") for row in rows),
        )
