"""Groups that the given parts tear apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import EXAMPLES
from nunbit.checks.finding import Finding
from nunbit.types import Samples


class GroupsAcrossParts(Check):
    """Groups of images that belong together and are in different parts."""

    name = "groups-across-parts"
    needs = "metadata"

    def run(self, context: Context) -> Iterable[Finding]:
        """See `torn_groups`."""
        return torn_groups(context.samples, context.reasons)


def torn_groups(samples: Samples, reasons: Sequence[str]) -> Iterator[Finding]:
    """Groups with usable images in several of the given parts; `reasons` is [N]."""
    members: dict[str, list[int]] = defaultdict(list)
    for i, group in enumerate(samples.groups):
        if group and samples.parts[i] and not reasons[i]:
            members[group].append(i)
    split_groups = [
        group for group, rows in members.items() if len({samples.parts[i] for i in rows}) > 1
    ]
    if split_groups:
        yield Finding(
            kind="groups-across-parts",
            severity="error",
            title=f"{len(split_groups):,} of {len(members):,} groups "
            f"{'is' if len(split_groups) == 1 else 'are'} in several of the given parts",
            count=sum(len(members[group]) for group in split_groups),
            examples=tuple(split_groups[:EXAMPLES]),
            everything=tuple(split_groups),
            why="Images of one group resemble each other, so the score is too good.",
            remedy="Give each group one part, or leave the parts out: a new split keeps groups "
            "whole.",
        )
