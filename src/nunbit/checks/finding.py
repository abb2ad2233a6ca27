"""Finding of a check: what is wrong with the data, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from nunbit.data.corrections import Correction
from nunbit.types import Samples

Severity: TypeAlias = Literal["error", "warning", "note"]


def excluding(samples: Samples, row: int, reason: str) -> Correction:
    """Propose to leave one image out."""
    return Correction(
        path=samples.paths[row], action="exclude", label=samples.label_name(row), reason=reason
    )


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing worth knowing about the data."""

    kind: str = ""
    """Stable name for programs, such as `near-duplicates-across-parts`."""
    severity: Severity
    title: str
    count: int
    """Images concerned."""
    examples: tuple[str, ...] = ()
    """Some of their paths."""
    everything: tuple[str, ...] = ()
    """All of their paths, where each must be looked at."""
    groups: tuple[tuple[int, ...], ...] = ()
    """Rows of the `Samples` that are shown together: copies of one image, or one image alone."""
    captions: tuple[str, ...] = ()
    """Captions of the groups, in their order; none where nothing is."""
    why: str = ""
    remedy: str = ""
    corrections: tuple[Correction, ...] = ()
    """Lines that `nunbit check --fix-list` writes."""
