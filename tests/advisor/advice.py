"""Advice made by hand, for tests of what is made from it."""

from __future__ import annotations

from dataclasses import replace

from nunbit.advisor.plans import (
    Advice,
    Answer,
    CurvePoint,
    HeadScore,
    PlanEstimate,
    Proportion,
    Source,
    Trial,
)


def around(estimate: float, half: float = 0.02) -> Proportion:
    return Proportion(estimate=estimate, low=estimate - half, high=min(1.0, estimate + half))


def plan(name: str, accuracy: float, *, behind: float = 0.0, seconds: float = 30.0) -> PlanEstimate:
    return PlanEstimate(
        plan=name,
        accuracy=around(accuracy),
        behind=behind,
        seconds=seconds,
        basis="tried on 300 images",
    )


def head(source: Source, stage: int, accuracy: float) -> HeadScore:
    return HeadScore(
        source=source,
        stage=stage,
        cut=f"blocks.{stage}" if stage else "",
        dimensions=16,
        accuracy=around(accuracy),
    )


def trial(name: str, accuracy: float) -> Trial:
    return Trial(
        plan=name,
        images=300,
        held_out=200,
        visits=2000,
        side=96,
        seconds=12.5,
        accuracy=around(accuracy),
        head_accuracy=0.85,
    )


ADVICE = Advice(
    data="birds & <bees>",
    model="timm/efficientnet_lite0",
    weights="efficientnet-lite0",
    scratch="smallcnn",
    device="cpu (2 threads)",
    classes=2,
    images=500,
    measured_on=500,
    heads=(
        *(head("pretrained", stage, 0.6 + stage / 10) for stage in (1, 2, 3)),
        *(head("untrained", stage, 0.6 - stage / 20) for stage in (1, 2, 3)),
        head("pixels", 0, 0.55),
    ),
    curve=tuple(
        CurvePoint(images=n, accuracy=around(0.7 + i / 20)) for i, n in enumerate((50, 100, 200))
    ),
    trials=(trial("last-stage", 0.91), trial("stages:2", 0.9), trial("all", 0.88)),
    plans=(
        plan("last-stage", 0.92),
        plan("stages:2", 0.91, behind=0.4),
        plan("head", 0.87, behind=2.5, seconds=4.0),
        plan("all", 0.86, behind=3.0, seconds=300.0),
        plan("none", 0.6, seconds=90.0),
    ),
    much=Answer(yes=False, reason="250 images of the median class."),
    similar=Answer(yes=True, reason="pretraining removes 70 % of the errors."),
    recommended="last-stage",
    reason="training last stage and head is expected to reach 92.0 % (90.0 to 94.0).",
    remarks=("Trials see images of 96 pixels, not of 224.",),
    seconds=41.5,
)
DIFFERENT = replace(ADVICE, similar=Answer(yes=False, reason="they are not."))
