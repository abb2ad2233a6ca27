"""Findings on near-duplicates: leaks between parts, contradicting labels, or harmless ones.

Byte-identical images are found by the quick check and not reported again.

N samples, P pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import pairs
from nunbit.checks.finding import Finding, excluding
from nunbit.checks.metadata.exact_copies import out_of_training
from nunbit.data.near_duplicates import HashObserver, NearDuplicates, groups_of
from nunbit.formatting import percentage
from nunbit.types import Samples

LEAK_FRACTION = 0.01
"""Fraction of a part's images with near-duplicates in another part from which they are an error."""

Groups = tuple[tuple[int, ...], ...]


class NearCopies(Check):
    """Images that are copies of one picture, though their bytes differ."""

    name = "near-duplicates"
    needs = "pixels"

    def observers(self, context: Context) -> tuple[HashObserver, ...]:
        """See `Check.observers`."""
        del context
        return (HashObserver(),)

    def run(self, context: Context) -> Iterable[Finding]:
        """See `copy_findings`."""
        found, digests = context.near_duplicates, context.inspection.sha256
        return copy_findings(context.samples, found, sha256=digests)


def copy_findings(
    samples: Samples, found: NearDuplicates, *, sha256: Sequence[str]
) -> tuple[Finding, ...]:
    """Findings about near-duplicates: across given parts, across classes, and within a class.

    A group of the first two kinds may be reported under both, and then not under the last.

    Args:
        samples: everything that was found.
        found: pairs of rows.
        sha256: [N] digest of each image's bytes.
    """
    groups = _not_identical(groups_of(found.pairs), sha256)
    # A copy without a part follows the others in a new split, so it leaks nothing.
    leaks = tuple(rows for rows in groups if len({samples.parts[i] for i in rows} - {""}) > 1)
    contradictions = tuple(rows for rows in groups if len(set(samples.labels[list(rows)])) > 1)
    reported = {*leaks, *contradictions}
    harmless = tuple(rows for rows in groups if rows not in reported)
    findings = []
    if leaks:
        findings.append(_leaks(samples, leaks))
    if contradictions:
        findings.append(_contradictions(samples, contradictions))
    if harmless:
        findings.append(_harmless(samples, harmless))
    return tuple(findings)


def copies_together(samples: Samples, found: NearDuplicates) -> NDArray[np.int64]:
    """[N] a number for each sample, equal for copies and for members of one of the user's groups.

    What `suspected_labels` takes as groups, once it is indexed by the rows that were observed.
    """
    first: dict[str, int] = {}
    named = [(first.setdefault(name, i), i) for i, name in enumerate(samples.groups) if name]
    edges = np.concatenate([found.pairs, np.array(named, dtype=np.int64).reshape(-1, 2)])
    count = len(samples)
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _not_identical(groups: Groups, sha256: Sequence[str]) -> Groups:
    """The groups in which the bytes differ."""
    return tuple(rows for rows in groups if len({sha256[row] for row in rows}) > 1)


def _leaks(samples: Samples, groups: Groups) -> Finding:
    fraction = _largest_fraction(samples, groups)
    return Finding(
        kind="near-duplicates-across-parts",
        severity="error" if fraction >= LEAK_FRACTION else "warning",
        title=f"{_pictures(groups)} in several of the given parts, as near-duplicates "
        f"(up to {percentage(fraction, 2)} of a part)",
        count=_count(groups),
        examples=pairs(samples, groups, sign="~"),
        everything=_everything(samples, groups),
        groups=groups,
        why="A network is rewarded for remembering what it has seen: the score is too good. "
        "Copies that were resized, re-encoded, brightened or slightly cropped are found, and the "
        "same object photographed twice may be.",
        remedy="Look at them side by side; the fix list proposes to leave out the copies that "
        "train.",
        corrections=tuple(
            c for rows in groups for c in out_of_training(samples, rows, "a near-duplicate")
        ),
    )


def _largest_fraction(samples: Samples, groups: Groups) -> float:
    """Largest fraction of the validation or test part that has a copy in an earlier part."""
    fractions = [0.0]
    for part, earlier in (("validation", {"train"}), ("test", {"train", "validation"})):
        size = sum(given == part for given in samples.parts)
        torn = {
            row
            for rows in groups
            if earlier & {samples.parts[other] for other in rows}
            for row in rows
            if samples.parts[row] == part
        }
        fractions.append(len(torn) / max(1, size))
    return max(fractions)


def _contradictions(samples: Samples, groups: Groups) -> Finding:
    return Finding(
        kind="near-duplicates-across-classes",
        severity="warning",
        title=f"{_pictures(groups)} in several classes, as near-duplicates",
        count=_count(groups),
        examples=pairs(samples, groups, sign="~"),
        everything=_everything(samples, groups),
        groups=groups,
        why="If they show the same, at most one of the labels is right.",
        remedy="Look at them side by side, and keep the right one; the fix list proposes to leave "
        "out all but those of a given test part, for nothing in the data says which it is.",
        corrections=tuple(
            excluding(samples, row, "a near-duplicate is in another class")
            for rows in groups
            for row in rows
            if samples.parts[row] != "test"
        ),
    )


def _harmless(samples: Samples, groups: Groups) -> Finding:
    return Finding(
        kind="near-duplicates",
        severity="note",
        title=f"{_pictures(groups)} several times in one class, as near-duplicates",
        count=_count(groups),
        examples=pairs(samples, groups, sign="~"),
        everything=_everything(samples, groups),
        groups=groups,
        why="Copies give a picture more weight; in different parts they make the score too good.",
        remedy="Nothing needs to be done if nunbit makes the split: it keeps them together. With "
        "your own parts, keep each group in one part.",
    )


def _pictures(groups: Groups) -> str:
    return f"{len(groups):,} {'picture appears' if len(groups) == 1 else 'pictures appear'}"


def _count(groups: Groups) -> int:
    return len({row for rows in groups for row in rows})


def _everything(samples: Samples, groups: Groups) -> tuple[str, ...]:
    return tuple(dict.fromkeys(samples.paths[row] for rows in groups for row in rows))
