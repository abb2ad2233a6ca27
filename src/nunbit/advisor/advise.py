"""The adviser: measures, answers the two questions of the notes, and recommends a plan.

How much data? The learning curve of a head, and the images of each class. How similar? What a head
reads from the last stage, against earlier stages, an untrained copy and raw pixels. Which plan?
Each is tried in small from the fitted head on; what it gains there, cautiously, is what it is
expected to gain.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from nunbit.advisor.estimates import (
    Heads,
    Measured,
    estimates,
    is_much,
    is_similar,
    remarks_on,
    why,
)
from nunbit.advisor.evidence import (
    OutOfFold,
    cross_validate,
    learning_curve,
    make_folds,
    stratified_order,
)
from nunbit.advisor.inputs import AdvisorInput
from nunbit.advisor.plans import ALL, LAST_STAGE, SCRATCH, Advice, HeadScore, rank, recommend
from nunbit.advisor.probing import pixel_features, stage_features, untrained_features
from nunbit.advisor.timing import Timing, time_plan, time_scratch
from nunbit.advisor.trials import TrialResult, set_up_trials, try_plan, try_scratch
from nunbit.backbone.split_points import SplitPoint, find_split_points
from nunbit.device import describe_device
from nunbit.models.head import head_input
from nunbit.progress import SILENT, Progress

MAX_IMAGES = 2000
"""Images that are looked at; more would make the advice slow and hardly better."""
MIN_PER_CLASS = 5
"""Images of a rare class: so many are looked at all the same, to cross-validate with."""


def advise(case: AdvisorInput, progress: Progress = SILENT) -> Advice:
    """Measure, and recommend a plan. The same data and seed give the same advice, but for times.

    Raises:
        DataError: where a class has too few images to measure anything.
        UsageError: where the network does not end in a linear layer.
    """
    began = time.perf_counter()
    head_input(case.network, case.images.shape)  # refuses what no trial could begin with
    looked_at = case.subset(_looked_at(case.images.labels, seed=case.seed))
    labels = looked_at.images.labels
    folds = make_folds(labels, looked_at.groups, seed=case.seed)
    split_points = find_split_points(case.network, case.images.shape)
    heads, last_features = _heads(looked_at, split_points, folds, progress)
    curve = learning_curve(
        last_features, labels, folds, classes=case.classes, whole=heads.last, seed=case.seed
    )
    learning = _plans(split_points, heads)
    measured = Measured(
        heads=heads,
        curve=curve,
        tried=_trials(looked_at, folds, learning, heads.last.strength, progress),
        timings=_timings(looked_at, split_points, learning, progress),
        looked_at=len(labels),
    )
    plans = rank(estimates(case, measured))
    much, similar = is_much(case, curve), is_similar(heads)
    chosen = recommend(plans)
    return Advice(
        data=case.data,
        model=case.model,
        weights=case.weights,
        scratch=case.scratch.name,
        device=describe_device(case.images.device),
        classes=case.classes,
        images=len(case.images),
        measured_on=len(labels),
        heads=heads.scores,
        curve=curve.points,
        trials=tuple(tried.trial for tried in measured.tried.values() if tried is not None),
        plans=plans,
        much=much,
        similar=similar,
        recommended=chosen.plan,
        reason=why(plans, chosen),
        remarks=remarks_on(case, measured, plans),
        seconds=time.perf_counter() - began,
    )


def _looked_at(labels: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """Positions in an order of which every beginning has the classes in proportion.

    Only at the end are more of rare classes.
    """
    order = stratified_order(labels, seed=seed)
    rest = order[MAX_IMAGES:]
    seen = np.bincount(labels[order[:MAX_IMAGES]], minlength=int(labels.max()) + 1)
    more = [
        rest[labels[rest] == label][: MIN_PER_CLASS - n]
        for label, n in enumerate(seen)
        if n < MIN_PER_CLASS
    ]
    return np.concatenate([order[:MAX_IMAGES], *more])


def _heads(
    case: AdvisorInput,
    split_points: tuple[SplitPoint, ...],
    folds: NDArray[np.int64],
    progress: Progress,
) -> tuple[Heads, NDArray[np.float32]]:
    """Cross-validated heads on all kinds of features, and the last stage's features [n, D]."""
    images, labels = case.images, case.images.labels
    found: dict[str, list[OutOfFold]] = {"pretrained": [], "untrained": [], "pixels": []}
    scores: list[HeadScore] = []
    last = np.empty((0, 0), dtype=np.float32)
    fit_seconds = 0.0
    for source in progress.track(
        ("pretrained", "untrained", "pixels"), total=3, title="Measuring features"
    ):
        match source:
            case "pretrained":
                features = stage_features(case.network, split_points, images)
                last = features[-1]
            case "untrained":
                network = case.untrained().to(images.device)
                features = untrained_features(network, images)
            case _:
                features = (pixel_features(images),)
        for number, values in enumerate(features):
            began = time.perf_counter()
            judged = cross_validate(values, labels, folds, classes=case.classes)
            fit_seconds = time.perf_counter() - began if values is last else fit_seconds
            found[source].append(judged)
            scores.append(
                HeadScore(
                    source=source,  # type: ignore[arg-type]
                    stage=0 if source == "pixels" else number + 1,
                    cut="" if source == "pixels" else split_points[number].name,
                    dimensions=values.shape[1],
                    accuracy=judged.accuracy,
                )
            )
    heads = Heads(
        stages=tuple(found["pretrained"]),
        untrained=tuple(found["untrained"]),
        pixels=found["pixels"][0],
        scores=tuple(scores),
        fit_seconds=fit_seconds / len(np.unique(folds)),
    )
    return heads, last


def _plans(split_points: tuple[SplitPoint, ...], heads: Heads) -> dict[str, int]:
    """Plans that train more than the head, and how many stages each trains.

    `stages:N` trains what comes after the stage that a head reads best, at least the last two.
    """
    best = max(range(len(split_points)), key=lambda stage: int(heads.stages[stage].right.sum()))
    middle = max(2, len(split_points) - 1 - best)
    plans = {LAST_STAGE: 1} if len(split_points) > 1 else {}
    if middle < len(split_points):
        plans[f"stages:{middle}"] = middle
    return {**plans, ALL: len(split_points)}


def _trials(
    case: AdvisorInput,
    folds: NDArray[np.int64],
    learning: dict[str, int],
    strength: float,
    progress: Progress,
) -> dict[str, TrialResult | None]:
    """Every plan tried in small; None for those that are too large for it."""
    setup = set_up_trials(case, folds, strength=strength, learning=learning.values())
    tried: dict[str, TrialResult | None] = {}
    for plan in progress.track((*learning, SCRATCH), total=len(learning) + 1, title="Trying plans"):
        if plan == SCRATCH:
            tried[plan] = try_scratch(case, setup)
        else:
            tried[plan] = try_plan(case, setup, plan, learning_stages=learning[plan])
    return tried


def _timings(
    case: AdvisorInput,
    split_points: tuple[SplitPoint, ...],
    learning: dict[str, int],
    progress: Progress,
) -> dict[str, Timing]:
    """Seconds of an image under each plan."""
    plans = {"head": 0, **learning, SCRATCH: 0}
    return {
        plan: time_scratch(case)
        if plan == SCRATCH
        else time_plan(case, split_points, learning_stages=stages)
        for plan, stages in progress.track(plans.items(), total=len(plans), title="Timing plans")
    }
