"""Every finding, with the pictures that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nunbit.checks.diagnosis import Diagnosis
from nunbit.checks.finding import Finding
from nunbit.data.corrections import Correction
from nunbit.reports.check.cards import Card, cards
from nunbit.reports.kit import Section, render

MAX_SINGLE = 24
"""Single pictures shown of one finding."""
MAX_GROUPS = 18
"""Groups of copies shown of one finding."""
MAX_IN_GROUP = 4
MAX_LISTED = 200
"""Paths listed of one finding; --json has them all."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Pictures that belong together."""

    cards: list[Card]
    more: int
    """Members that are not shown."""
    classes: int
    parts: int
    """Number of different ones that the members have."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One finding of the page."""

    anchor: str
    finding: Finding
    single: list[Card]
    groups: list[Group]
    not_shown: int
    """Groups, or single images, beyond those that are shown."""
    listed: tuple[str, ...]
    captions: Mapping[int, str]
    """Captions of single images, by row."""
    corrections: Mapping[str, Correction]
    """Corrections of the fix list, by path."""
    exclusions: int
    relabels: int


def findings(diagnosis: Diagnosis) -> Section | None:
    """Copies side by side, single images in a gallery, suspected labels with the proposed one."""
    if not diagnosis.findings:
        return None
    blocks = [
        _block(diagnosis, finding, anchor=f"finding-{number}")
        for number, finding in enumerate(diagnosis.findings, start=1)
    ]
    return Section(name="findings", title="Findings", body=render("check/findings", blocks=blocks))


def _block(diagnosis: Diagnosis, finding: Finding, *, anchor: str) -> Block:
    copies = [group for group in finding.groups if len(group) > 1]
    alone = [group[0] for group in finding.groups if len(group) == 1]
    shown, single = copies[:MAX_GROUPS], alone[:MAX_SINGLE]
    pictures = {card.row: card for card in cards(diagnosis, _needed(shown, single))}
    listed = {c.path: c for c in diagnosis.corrections}
    own = [listed[c.path] for c in finding.corrections if c.path in listed]
    exclusions = sum(c.action == "exclude" for c in own)
    return Block(
        anchor=anchor,
        finding=finding,
        single=[pictures[row] for row in single],
        groups=[_group(diagnosis, group, pictures) for group in shown],
        not_shown=len(copies) + len(alone) - len(shown) - len(single),
        listed=finding.everything[:MAX_LISTED],
        captions={
            group[0]: text for group, text in zip(finding.groups, finding.captions, strict=False)
        },
        corrections=listed,
        exclusions=exclusions,
        relabels=len(own) - exclusions,
    )


def _needed(groups: Sequence[Sequence[int]], single: Sequence[int]) -> list[int]:
    rows = [row for group in groups for row in group[:MAX_IN_GROUP]]
    return list(dict.fromkeys([*rows, *single]))


def _group(diagnosis: Diagnosis, group: Sequence[int], pictures: Mapping[int, Card]) -> Group:
    samples = diagnosis.samples
    return Group(
        cards=[pictures[row] for row in group[:MAX_IN_GROUP]],
        more=max(0, len(group) - MAX_IN_GROUP),
        classes=len({int(samples.labels[row]) for row in group}),
        parts=len({samples.parts[row] for row in group}),
    )
