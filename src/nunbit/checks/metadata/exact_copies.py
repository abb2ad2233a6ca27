"""Byte-identical images: across the given parts, across classes, and harmless ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import pairs
from nunbit.checks.finding import Finding, excluding
from nunbit.data.corrections import Correction
from nunbit.types import Samples

_KEPT_LAST = ("train", "validation", "test")
"""Order of parts: of copies in several parts, the one farthest right stays."""


class ExactCopies(Check):
    """Images of which the bytes are the same."""

    name = "exact-copies"
    needs = "metadata"

    def run(self, context: Context) -> Iterable[Finding]:
        """See `duplicates`."""
        return duplicates(context.samples, context.inspection.sha256, context.reasons)


def duplicates(
    samples: Samples, sha256: Sequence[str], reasons: Sequence[str]
) -> Iterator[Finding]:
    """Findings about usable images with the same bytes; `sha256` and `reasons` are [N]."""
    copies: dict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(sha256):
        if digest and not reasons[row]:
            copies[digest].append(row)
    groups = [rows for rows in copies.values() if len(rows) > 1]
    contradictions = [rows for rows in groups if len({int(samples.labels[i]) for i in rows}) > 1]
    # A copy without a part follows the others, so it leaks nothing.
    leaks = [rows for rows in groups if len({samples.parts[i] for i in rows} - {""}) > 1]
    contradicting = {rows[0] for rows in contradictions}
    if leaks:
        yield _leaks(samples, leaks, [rows for rows in leaks if rows[0] not in contradicting])
    if contradictions:
        yield _contradictions(samples, contradictions)
    reported = contradicting | {rows[0] for rows in leaks}
    harmless = [rows for rows in groups if rows[0] not in reported]
    if harmless:
        yield _harmless(samples, harmless)


def _leaks(samples: Samples, leaks: list[list[int]], corrected: list[list[int]]) -> Finding:
    """`corrected` are the leaks that no other finding proposes to correct."""
    return Finding(
        kind="copies-across-parts",
        severity="error",
        title=f"{len(leaks):,} {_picture(leaks)} in several of the given parts, as byte-identical "
        "copies",
        count=sum(map(len, leaks)),
        examples=pairs(samples, leaks),
        everything=tuple(samples.paths[row] for rows in leaks for row in rows),
        groups=tuple(map(tuple, leaks)),
        why="A network is rewarded for remembering what it has seen: the score is too good.",
        remedy="Leave out the copies that train, as the fix list proposes; the run also states "
        "the score without them.",
        corrections=tuple(
            c for rows in corrected for c in out_of_training(samples, rows, "the same image")
        ),
    )


def out_of_training(samples: Samples, rows: Sequence[int], what: str) -> Iterator[Correction]:
    """Exclude what stands left of the copies' rightmost part, and where that leaves it.

    The test part is what others measured themselves on: it stays as it was given, and training
    loses next to nothing. The validation part yields to the test, and training to both.

    Args:
        samples: everything that was found.
        rows: copies of one image, at least one of them in a given part.
        what: is in the other part, for the reason: "the same image" or "a near-duplicate".
    """
    last = max((samples.parts[row] for row in rows if samples.parts[row]), key=_KEPT_LAST.index)
    for row in rows:
        if samples.parts[row] not in ("", last):
            yield excluding(samples, row, f"{what} is in the {last} part")


def _contradictions(samples: Samples, groups: list[list[int]]) -> Finding:
    return Finding(
        kind="copies-across-classes",
        severity="warning",
        title=f"{len(groups):,} {_picture(groups)} in several classes, as byte-identical copies",
        count=sum(map(len, groups)),
        examples=pairs(samples, groups),
        everything=tuple(samples.paths[row] for rows in groups for row in rows),
        groups=tuple(map(tuple, groups)),
        why="At most one of the labels is right.",
        remedy="Keep the copy with the right label; the fix list proposes to leave out all, for "
        "nothing in the data says which it is. Until then all copies stay in one part.",
        corrections=tuple(
            excluding(samples, row, "the same image is in several classes")
            for rows in groups
            for row in rows
        ),
    )


def _harmless(samples: Samples, groups: list[list[int]]) -> Finding:
    return Finding(
        kind="exact-copies",
        severity="note",
        title=f"{len(groups):,} {_picture(groups)} several times in one class, as byte-identical "
        "copies",
        count=sum(map(len, groups)),
        examples=pairs(samples, groups),
        everything=tuple(samples.paths[row] for rows in groups for row in rows),
        groups=tuple(map(tuple, groups)),
        why="Copies give an image more weight; a new split keeps them in one part.",
        remedy="Nothing needs to be done.",
    )


def _picture(groups: list[list[int]]) -> str:
    return "image appears" if len(groups) == 1 else "images appear"
