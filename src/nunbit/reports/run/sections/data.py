"""Section on the data: every file found, and how it was split."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from nunbit.reports.kit import Section, render
from nunbit.reports.run.run_result import RunResult
from nunbit.types import PARTS

MAX_LISTED = 1000
"""Excluded files listed one by one; split.csv has them all."""
TITLES = {
    "train": "training",
    "validation": "validation",
    "test": "test",
    "excluded": "excluded",
}


@dataclass(frozen=True, kw_only=True)
class ReasonRow:
    """Files excluded for one kind of reason."""

    reason: str
    count: int
    example: str


def data(report: RunResult) -> Section:
    """Found, used, excluded and why; findings of the check, notes and leaks."""
    split = report.split
    excluded = split.indices("excluded")
    listed = [(split.paths[i], split.reasons[i]) for i in excluded[:MAX_LISTED]]
    body = render(
        "run/data",
        found=len(split),
        counts=split.counts,
        titles=TITLES,
        reasons=_reasons(report),
        listed=listed,
        leaked=[split.paths[i] for i in split.leaked_test_indices[:MAX_LISTED]],
        leaked_count=len(split.leaked_test_indices),
        near_copies=split.near_copies,
        remembered=bool(split.trained_elsewhere),
        findings=report.findings,
        notes=report.notes,
    )
    return Section(name="data", title="Data", body=body)


def parts(report: RunResult) -> Section:
    """Images of each class in each part."""
    split = report.split
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label, part in zip(split.labels, split.parts, strict=True):
        counts[label][part] += 1
    names = [name for name in report.classes if name in counts]
    others = sorted(set(counts) - set(report.classes))
    rows = [
        (name or "no label", [counts[name][part] for part in PARTS]) for name in [*names, *others]
    ]
    body = render(
        "run/parts",
        titles=[TITLES[part] for part in PARTS],
        rows=rows,
        totals=[split.counts[part] for part in PARTS],
        groups=len({group for group in split.groups if group}),
    )
    return Section(name="split", title="Split", body=body)


def _reasons(report: RunResult) -> list[ReasonRow]:
    """Kinds of reasons, the text before a colon, most frequent first."""
    split = report.split
    paths: dict[str, list[str]] = defaultdict(list)
    for i in split.indices("excluded"):
        kind = split.reasons[i].partition(":")[0].strip() or "no reason given"
        paths[kind].append(split.paths[i])
    rows = [ReasonRow(reason=k, count=len(found), example=found[0]) for k, found in paths.items()]
    return sorted(rows, key=lambda row: (-row.count, row.reason))
