"""Pictures with predicted(true): mistakes, doubts, labels that may be wrong, a random sample."""

from __future__ import annotations

from dataclasses import dataclass

from nunbit.evaluation.mistakes import (
    WRONG_LABELS,
    doubted_below,
    doubted_labels,
    least_certain,
    random_sample,
    worst_mistakes,
)
from nunbit.formatting import count
from nunbit.reports.kit import Section, render
from nunbit.reports.run.pictures import Card, cards
from nunbit.reports.run.run_result import RunResult

SHOWN = 24
"""Pictures in the first and the last gallery; the others have half as many."""


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Pictures under one heading."""

    title: str
    remark: str
    cards: list[Card]
    none: str = "None: no mistakes were made."
    """Sentence where there is no picture."""


def gallery(report: RunResult) -> Section | None:
    """Four galleries, of pictures as the network saw them beside the originals."""
    if report.metrics is None:
        return None
    galleries = [
        Gallery(
            title="Worst mistakes",
            remark="Highest loss first: the network was surest of a wrong answer.",
            cards=cards(report, worst_mistakes(report.predictions, SHOWN)),
        ),
        Gallery(
            title="Least certain",
            remark="The two most probable classes are closest together.",
            cards=cards(report, least_certain(report.predictions, SHOWN // 2)),
        ),
        _doubted(report),
        _random(report),
    ]
    shown = [card for gallery in galleries for card in gallery.cards]
    height, width, _ = report.pictures(report.predictions.indices[:1]).shape[1:]
    body = render(
        "run/gallery",
        galleries=galleries,
        height=height,
        width=width,
        beside=any(card.original for card in shown),
        same=report.originals is not None and any(card.original is None for card in shown),
        gone=sum(card.original is not None and not card.original.source for card in shown),
    )
    return Section(name="gallery", title="Pictures", body=body)


def _doubted(report: RunResult) -> Gallery:
    rows = doubted_labels(report.predictions)
    found = count(len(rows), "test image")
    shown = "" if len(rows) <= SHOWN // 2 else f", the {SHOWN // 2} most doubtful are shown"
    below = 100 * doubted_below(len(report.classes))
    rule = (
        f"the network gives the label a probability below {below:.2g}\u00a0%, and another class at "
        "least the probability that images of that class usually get"
    )
    return Gallery(
        title="Likely wrong labels",
        remark=f"{found}{shown}: {rule}. If {100 * WRONG_LABELS:g}\u00a0% of all labels were "
        "wrong, most of these would be; but suspicions are worth as much as the network's "
        "confidence is, so look before you change a label. The numbers above take every label as "
        "it is.",
        cards=cards(report, rows[: SHOWN // 2]),
        none=f"No label is doubted. One would be where {rule}.",
    )


def _random(report: RunResult) -> Gallery:
    seed = report.summary.seed or 0
    return Gallery(
        title="Random sample",
        remark=f"Drawn from all test images with seed {seed}, right and wrong alike.",
        cards=cards(report, random_sample(report.predictions, SHOWN, seed=seed)),
    )
