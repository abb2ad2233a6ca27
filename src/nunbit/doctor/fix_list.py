"""One list of proposals from all findings: no image twice, and no copies all thrown away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from nunbit.data.check import Correction, Finding


def proposals(findings: Sequence[Finding], paths: Sequence[str]) -> tuple[Correction, ...]:
    """The corrections of all findings, at most one for each image, sorted by path.

    Where findings differ about an image, leaving it out wins over a new class, and of two new
    classes the one of the earlier finding. A copy is left out only while another image of its
    group stays, even where several findings propose to leave out different ones.

    Args:
        findings: most severe first.
        paths: [N] of the samples, which the groups of the findings point to.
    """
    kept_groups = [_groups_that_stay(finding, paths) for finding in findings]
    groups_of: dict[str, list[frozenset[str]]] = defaultdict(list)
    for groups in kept_groups:
        for group in groups:
            for path in group:
                groups_of[path].append(group)
    chosen: dict[str, Correction] = {}
    gone: set[str] = set()
    for finding, groups in zip(findings, kept_groups, strict=True):
        copies = frozenset().union(*groups)
        for new in finding.corrections:
            if new.action == "exclude":
                last = any(group - {new.path} <= gone for group in groups_of[new.path])
                if last and new.path in copies:
                    continue
                gone.add(new.path)
            chosen[new.path] = _stronger(chosen.get(new.path), new)
    return tuple(chosen[path] for path in sorted(chosen))


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
