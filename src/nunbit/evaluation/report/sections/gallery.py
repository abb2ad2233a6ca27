"""Pictures with predicted(true): the worst mistakes, the least certain, a random sample."""

from __future__ import annotations

from dataclasses import dataclass

from nunbit.evaluation.mistakes import least_certain, random_sample, worst_mistakes
from nunbit.evaluation.report.inputs import ReportInput
from nunbit.evaluation.report.pages import render
from nunbit.evaluation.report.pictures import Card, cards
from nunbit.page import Section

SHOWN = 24
"""Pictures in each gallery."""


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Pictures under one heading."""

    title: str
    remark: str
    cards: list[Card]


def gallery(report: ReportInput) -> Section | None:
    """Three galleries, of pictures as the network saw them."""
    if report.metrics is None:
        return None
    predictions = report.predictions
    seed = int(report.summary.get("seed") or 0)
    galleries = [
        Gallery(
            title="Worst mistakes",
            remark="Highest loss first: the network was surest of a wrong answer. "
            "Wrong labels often show up here.",
            cards=cards(report, worst_mistakes(predictions, SHOWN)),
        ),
        Gallery(
            title="Least certain",
            remark="The two most probable classes are closest together.",
            cards=cards(report, least_certain(predictions, SHOWN // 2)),
        ),
        Gallery(
            title="Random sample",
            remark=f"Drawn from all test images with seed {seed}, right and wrong alike.",
            cards=cards(report, random_sample(predictions, SHOWN, seed=seed)),
        ),
    ]
    height, width, _ = report.pictures(predictions.indices[:1]).shape[1:]
    body = render("gallery", galleries=galleries, height=height, width=width)
    return Section(name="gallery", title="Pictures", body=body)
