"""Classes that a fix list would empty: nothing is proposed for them, and a finding says so.

Where two classes hold the same pictures, their copies contradict each other and all would go; where
one is never told from another, all its labels look wrong. A training without the class is not what
its owner wants: he may merge the two.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from nunbit.checks.examples import EXAMPLES
from nunbit.checks.finding import Finding
from nunbit.checks.fix_list import CONTRADICTIONS
from nunbit.data.corrections import Correction
from nunbit.formatting import count
from nunbit.types import Samples


def keep_classes(
    corrections: Sequence[Correction],
    findings: Sequence[Finding],
    samples: Samples,
    reasons: Sequence[str],
) -> tuple[tuple[Correction, ...], Finding | None]:
    """The corrections that leave an image in each class, and a finding on those that do not.

    Args:
        corrections: what would be proposed.
        findings: those that they come from.
        samples: everything that was found.
        reasons: why images cannot be used, '' where they can, by row.
    """
    row_of = {path: row for row, path in enumerate(samples.paths)}
    class_of = {c.path: samples.label_name(row_of[c.path]) for c in corrections}
    before = Counter(samples.label_name(row) for row, reason in enumerate(reasons) if not reason)
    kept, emptied = list(corrections), set[str]()
    # What stays in one class is lost to another, so it may take several rounds.
    while True:
        left = before.copy()
        moved = [c for c in kept if not reasons[row_of[c.path]]]
        left.subtract(class_of[c.path] for c in moved)
        left.update(c.new_label for c in moved if c.action == "relabel")
        found = {name for name in before if name and left[name] <= 0} - emptied
        if not found:
            break
        emptied |= found
        kept = [c for c in kept if class_of[c.path] not in emptied]
    if not emptied:
        return tuple(corrections), None
    withdrawn = [c for c in corrections if class_of[c.path] in emptied]
    rows = tuple(row_of[c.path] for c in withdrawn)
    return tuple(kept), _finding(rows, _likenesses(withdrawn, findings, samples, row_of), samples)


def _likenesses(
    withdrawn: Sequence[Correction],
    findings: Sequence[Finding],
    samples: Samples,
    row_of: dict[str, int],
) -> dict[str, Counter[str]]:
    """Number of images of each class that are like those of each other class."""
    others = defaultdict[int, set[str]](set)
    for finding in findings:
        if finding.kind in CONTRADICTIONS:
            for group in finding.groups:
                names = {samples.label_name(row) for row in group}
                for row in group:
                    others[row] |= names
    found = defaultdict[str, Counter[str]](Counter)
    for correction in withdrawn:
        row = row_of[correction.path]
        own = samples.label_name(row)
        found[own].update((others[row] | {correction.new_label}) - {own, ""})
    return found


def _finding(rows: tuple[int, ...], like: dict[str, Counter[str]], samples: Samples) -> Finding:
    names = sorted(like)
    which = "a class" if len(names) == 1 else f"{len(names):,} classes"
    return Finding(
        kind="classes-emptied",
        severity="warning",
        title=f"a fix list would empty {which}, so it proposes nothing for "
        f"{'it' if len(names) == 1 else 'them'}",
        count=len(rows),
        examples=tuple(_likeness(name, like[name]) for name in names)[:EXAMPLES],
        everything=tuple(samples.paths[row] for row in rows),
        why="Each image of such a class has a copy in another class, looks like one of another "
        "class, or is to be left out for other reasons.",
        remedy="Look at such classes side by side. Where they hold the same pictures, merge them, "
        "with --label-map. Otherwise correct the labels by hand.",
    )


def _likeness(name: str, others: Counter[str]) -> str:
    if not others:
        return name
    other, images = others.most_common(1)[0]
    return f"{name} ({count(images, 'image')} like {other})"
