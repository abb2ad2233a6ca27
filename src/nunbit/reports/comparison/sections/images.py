"""Images that one of two runs gets right and the other does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nunbit.evaluation.comparison.values import Answered, PairRow
from nunbit.formatting import confidence
from nunbit.reports.comparison.inputs import PageInput
from nunbit.reports.kit import Section, is_pixelated, render, thumbnail_address
from nunbit.reports.kit.pictures import Original

SHOWN = 18
"""Pictures of each kind."""
MAX_PAIRS = 4
"""Pairs whose pictures are shown; the numbers of all are in the table."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One image and what both runs say about it."""

    answered: Answered
    source: str
    """data: address, '' where the image cannot be shown."""
    fault: str
    pixelated: bool
    description: str
    """Alternative text."""


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Images that one run gets right and the other does not."""

    right: str
    """Name of the run that gets them right."""
    wrong: str
    count: int
    cards: list[Card]


def images(given: PageInput) -> Section | None:
    """Images that only one of a pair gets right, for each pair; the first run's answer first."""
    found = given.comparison.pairs[:MAX_PAIRS]
    if not found:
        return None
    shown = [a for row in found for side in (row.only_first, row.only_second) for a in side[:SHOWN]]
    pictures = given.pictures(list(dict.fromkeys(answered.path for answered in shown)))
    galleries = [gallery for row in found for gallery in _galleries(row, pictures)]
    body = render(
        "comparison/images",
        pairs=[galleries[k : k + 2] for k in range(0, len(galleries), 2)],
        left_out=len(given.comparison.pairs) - len(found),
    )
    return Section(name="images", title="Pictures", body=body)


def _galleries(row: PairRow, pictures: Mapping[str, Original]) -> list[Gallery]:
    return [
        Gallery(
            right=right,
            wrong=wrong,
            count=len(side),
            cards=_cards(row, side[:SHOWN], pictures),
        )
        for right, wrong, side in (
            (row.second, row.first, row.only_second),
            (row.first, row.second, row.only_first),
        )
    ]


def _cards(row: PairRow, side: Sequence[Answered], pictures: Mapping[str, Original]) -> list[Card]:
    cards = []
    for answered in side:
        original = pictures[answered.path]
        picture = original.picture
        says = (
            f"{row.first} says {answered.first} ({confidence(answered.first_confidence)}), "
            f"{row.second} says {answered.second} ({confidence(answered.second_confidence)})"
        )
        cards.append(
            Card(
                answered=answered,
                source="" if picture is None else thumbnail_address(picture),
                fault=original.fault,
                pixelated=picture is not None and is_pixelated(picture),
                description=f"{answered.path}: truly {answered.label}; {says}",
            )
        )
    return cards
