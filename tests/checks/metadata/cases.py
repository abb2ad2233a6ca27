"""Samples and inspections made by hand, for the tests of the quick check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nunbit.checks.context import Context
from nunbit.checks.finding import Finding
from nunbit.checks.run import quick_findings
from nunbit.data.inspect import Inspection
from nunbit.data.storage import ImageArrays, ImageFiles
from nunbit.types import ImageFacts, Samples

NAMES = ("cat", "dog", "emu", "fox", "gnu", "hen", "ibex", "jay", "koi", "lynx")


def fact(width: int = 100, height: int = 100, **values: Any) -> ImageFacts:
    """A plain JPEG but for the values."""
    plain = {"mode": "RGB", "format": "JPEG", "frames": 1, "bytes": 1000}
    return ImageFacts(
        width=width, height=height, **{**plain, "rotated": False, "transparent": False, **values}
    )


def samples_of(
    labels: Sequence[int],
    *,
    folders: Sequence[str] | None = None,
    parts: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    reasons: Sequence[str] | None = None,
    location: str = "a table.csv",
    files: bool = True,
) -> Samples:
    """Samples with these columns; image i is called `folder/i.jpg`."""
    n = len(labels)
    above = [f"{folder}/" for folder in folders] if folders else [""] * n
    paths = tuple(f"{above[i]}{i}.jpg" for i in range(n))
    return Samples(
        name="test",
        location=location,
        classes=NAMES[: max(labels) + 1],
        images=ImageFiles(files=tuple(map(Path, paths)))
        if files
        else ImageArrays(array=np.zeros((n, 2, 2, 1), dtype=np.uint8)),
        paths=paths,
        labels=np.array(labels, dtype=np.int64),
        parts=tuple(parts or [""] * n),
        groups=tuple(groups or [""] * n),
        reasons=tuple(reasons or [""] * n),
    )


def inspection_of(
    samples: Samples,
    *,
    facts: Sequence[ImageFacts | None] | None = None,
    sha256: Sequence[str] | None = None,
    reasons: Sequence[str] | None = None,
    remarks: tuple[str, ...] = (),
) -> Inspection:
    """What the first look would have found; files that differ in nothing but their bytes."""
    n = len(samples)
    early = tuple(reasons or [""] * n)
    return Inspection(
        sha256=tuple(sha256 or map(str, range(n))),
        facts=tuple(facts or [fact()] * n),
        reasons=early,
        bad_rows=tuple(i for i, reason in enumerate(early) if reason),
        considered=n,
        remarks=remarks,
    )


def checked(
    samples: Samples, inspection: Inspection | None = None, **options: Any
) -> tuple[Finding, ...]:
    """All findings; whether classes can be measured is left out unless asked for."""
    inspection = inspection or inspection_of(samples)
    options.setdefault("reasons", inspection.reasons)
    found = quick_findings(Context(samples=samples, inspection=inspection, **options))
    return tuple(finding for finding in found if finding.kind != "unmeasurable-classes")


def of_kind(findings: Sequence[Finding], kind: str) -> Finding:
    """The one finding of this kind."""
    (found,) = [finding for finding in findings if finding.kind == kind]
    return found


def kinds(findings: Sequence[Finding]) -> list[str]:
    return [finding.kind for finding in findings]
