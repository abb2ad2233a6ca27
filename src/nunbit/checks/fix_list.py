"""One list of proposals from all findings: no image twice, and no copies all thrown away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from nunbit.checks.finding import Finding
from nunbit.data.corrections import Correction
from nunbit.types import Samples

CONTRADICTIONS = ("copies-across-classes", "near-duplicates-across-classes")
"""Kinds of findings that propose to leave out copies because their labels differ."""


def proposals(findings: Sequence[Finding], samples: Samples) -> tuple[Correction, ...]:
    """The corrections of all findings, at most one for each image, sorted by path.

    Where findings differ about an image, leaving it out wins over a new class, and of two new
    classes the one of the earlier finding. Copies whose labels differ are kept where the proposed
    new classes make them agree. A copy is left out only while another image of its group stays,
    even where several findings propose to leave out different ones.

    Args:
        findings: most severe first; their groups are rows of the samples.
        samples: everything that was found.
    """
    paths = samples.paths
    settled = _settled(findings, samples)
    kept_groups = [_groups_that_stay(finding, paths) for finding in findings]
    groups_of: dict[str, list[int]] = defaultdict(list)
    # Of each group, how many of its images no proposal leaves out so far.
    staying: list[int] = []
    for group in (group for groups in kept_groups for group in groups):
        for path in group:
            groups_of[path].append(len(staying))
        staying.append(len(group))
    chosen: dict[str, Correction] = {}
    gone: set[str] = set()
    for finding, groups in zip(findings, kept_groups, strict=True):
        copies = frozenset().union(*groups)
        for new in finding.corrections:
            if finding.kind in CONTRADICTIONS and new.path in settled:
                continue
            if new.action == "exclude" and new.path not in gone:
                last = any(staying[number] == 1 for number in groups_of[new.path])
                if last and new.path in copies:
                    continue
                gone.add(new.path)
                for number in groups_of[new.path]:
                    staying[number] -= 1
            chosen[new.path] = _stronger(chosen.get(new.path), new)
    return tuple(chosen[path] for path in sorted(chosen))


def _settled(findings: Sequence[Finding], samples: Samples) -> set[str]:
    """Paths of contradicting copies that agree once the proposed new classes are given."""
    new: dict[str, str] = {}
    for finding in findings:
        for correction in finding.corrections:
            if correction.action == "relabel":
                new.setdefault(correction.path, correction.new_label)
    agree, differ = set[str](), set[str]()
    for finding in findings:
        if finding.kind in CONTRADICTIONS:
            for group in finding.groups:
                labels = {new.get(samples.paths[i], samples.label_name(i)) for i in group}
                (agree if len(labels) == 1 else differ).update(samples.paths[i] for i in group)
    return agree - differ


def _groups_that_stay(finding: Finding, paths: Sequence[str]) -> list[frozenset[str]]:
    """Groups of copies of which the finding itself keeps at least one."""
    gone = {c.path for c in finding.corrections if c.action == "exclude"}
    groups = (frozenset(paths[row] for row in group) for group in finding.groups)
    return [group for group in groups if len(group) > 1 and group & gone and not group <= gone]


def _stronger(old: Correction | None, new: Correction) -> Correction:
    if old is None or (new.action == "exclude" and old.action == "relabel"):
        return new
    same = (new.action, new.new_label) == (old.action, old.new_label)
    if same and new.reason not in old.reason:
        return replace(old, reason=f"{old.reason}; {new.reason}")
    return old
