"""Names of images in findings: some as examples, copies as pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nunbit.checks.finding import Finding, Severity
from nunbit.data.corrections import Correction
from nunbit.types import Samples

EXAMPLES = 5


def some(samples: Samples, rows: Iterable[int]) -> tuple[str, ...]:
    """Paths of the first few rows."""
    return tuple(samples.paths[row] for row in list(rows)[:EXAMPLES])


def pairs(samples: Samples, groups: Iterable[Sequence[int]], *, sign: str = "=") -> tuple[str, ...]:
    """The first few groups of copies, each as `a = b` (near-duplicates: `a ~ b`)."""
    shown = list(groups)[:EXAMPLES]
    return tuple(f" {sign} ".join(samples.paths[row] for row in rows[:3]) for rows in shown)


def alone(rows: Iterable[int]) -> tuple[tuple[int, ...], ...]:
    """One group for each row, as `Finding.groups` wants it."""
    return tuple((int(row),) for row in rows)


def finding_of_images(
    samples: Samples,
    rows: Sequence[int],
    *,
    kind: str,
    severity: Severity,
    title: str,
    why: str,
    remedy: str,
    corrections: tuple[Correction, ...] = (),
) -> Finding:
    """A finding about images each of which must be looked at by itself, the first ones first."""
    paths = tuple(samples.paths[row] for row in rows)
    return Finding(
        kind=kind,
        severity=severity,
        title=title,
        count=len(paths),
        examples=paths[:EXAMPLES],
        everything=paths,
        groups=alone(rows),
        why=why,
        remedy=remedy,
        corrections=corrections,
    )
