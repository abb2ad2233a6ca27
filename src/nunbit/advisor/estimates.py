"""Answers and expectations from measurements; no image and no network is touched here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nunbit.advisor.evidence import Curve, OutOfFold, gain
from nunbit.advisor.inputs import AdvisorInput
from nunbit.advisor.plans import (
    HEAD,
    SCRATCH,
    Z95,
    Answer,
    HeadScore,
    PlanEstimate,
    Proportion,
    depth,
    describe,
    proportion,
)
from nunbit.advisor.timing import Timing
from nunbit.advisor.trials import TrialResult

MUCH_DATA_PER_CLASS = 100
"""Images of the median class from which data may be called much."""
STEEP = 0.03
"""Data are little as long as twice as many bring so much accuracy."""
SIMILAR_ERRORS = 0.5
"""Share of the errors on untrained features and pixels that similar pretraining removes."""
SHARED_CHANGE, OWN_CHANGE = 0.4, 0.3
"""Prior standard deviations of the logarithm of a plan's errors against the head's: what all plans
have in common, and what each has for itself. A trial on few images hardly moves an estimate away
from no difference to the head, and less so away from the other plans."""
MAX_DOUBLINGS = 3.0
"""The learning curve is not carried on beyond so many doublings of the images."""


@dataclass(frozen=True, kw_only=True)
class Heads:
    """Cross-validated heads on everything that they were tried on."""

    stages: tuple[OutOfFold, ...]
    untrained: tuple[OutOfFold, ...]
    pixels: OutOfFold
    scores: tuple[HeadScore, ...]
    fit_seconds: float
    """Seconds for one fold, on the last stage."""

    @property
    def last(self) -> OutOfFold:
        """The head on the input of the network's own head."""
        return self.stages[-1]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All measurements together."""

    heads: Heads
    curve: Curve
    tried: Mapping[str, TrialResult | None]
    """Results by plan, in the order of what they train; None for what is too large for a trial."""
    timings: Mapping[str, Timing]
    looked_at: int


def is_much(case: AdvisorInput, curve: Curve) -> Answer:
    """Judge the amount of data: images per class, and whether more would still help."""
    counts = np.bincount(case.images.labels, minlength=case.classes)
    median, smallest = int(np.median(counts)), int(counts.min())
    brought = curve.last_doubling
    yes = median >= MUCH_DATA_PER_CLASS and brought.estimate < STEEP
    sizes = f"{median:,} images of the median class, {smallest:,} of the smallest"
    if len(curve.points) < 2:
        return Answer(yes=yes, reason=f"{sizes}; too few for a learning curve.")
    before, after = (point.images for point in curve.points[-2:])
    gained, low, high = (100 * x for x in (brought.estimate, brought.low, brought.high))
    trend = "still rising" if brought.low > 0 else "no longer clearly rising"
    return Answer(
        yes=yes,
        reason=f"{sizes}; the learning curve is {trend}: from {before:,} to {after:,} images a "
        f"head gained {gained:+.1f} points ({low:+.1f} to {high:+.1f}).",
    )


def is_similar(heads: Heads) -> Answer:
    """Judge the similarity: a head on the last stage against earlier stages and raw pixels."""
    last = heads.last
    others = (*heads.untrained, heads.pixels)
    plain = max(others, key=lambda judged: int(judged.right.sum()))
    what = "raw pixels" if plain is heads.pixels else "an untrained copy"
    wrong, plain_wrong = int((~last.right).sum()), int((~plain.right).sum())
    removed = 1 - wrong / plain_wrong if plain_wrong else 0.0
    best = max(range(len(heads.stages)), key=lambda i: int(heads.stages[i].right.sum()))
    lost = gain(heads.stages[best].right, last.right)
    special = lost.high < 0
    reason = (
        f"a head on the last stage is right on {last.accuracy}, on {what} {plain.accuracy}: "
        + (
            f"pretraining removes {100 * removed:.0f} % of the errors"
            if removed >= 0
            else f"pretraining makes {-100 * removed:.0f} % more errors"
        )
    )
    if special:
        reason += (
            f", and stage {best + 1} of {len(heads.stages)} serves better than the last, "
            f"{heads.stages[best].accuracy}"
        )
    return Answer(yes=removed >= SIMILAR_ERRORS and not special, reason=f"{reason}.")


def estimates(case: AdvisorInput, measured: Measured) -> tuple[PlanEstimate, ...]:
    """Estimate accuracy and time of every plan."""
    head, basis = _head_at(case, measured)
    expected = {HEAD: (head, basis)}
    for plan, (change, doubt) in _changes(measured).items():
        tried = measured.tried[plan]
        if tried is None:
            basis = "too large for a trial: taken from the other plans"
        else:
            basis = f"tried on {tried.trial.images:,} images, from the head on"
        accuracy = _no_worse(_scaled(head, change, doubt), than=head)
        expected[plan] = _halfway((accuracy, basis), _within_reach(measured.heads, plan))
    expected[SCRATCH] = _from_scratch(case, measured)
    seconds, behind = _seconds(case, measured), _behind(measured)
    return tuple(
        PlanEstimate(
            plan=plan,
            accuracy=accuracy,
            behind=behind.get(plan, 0.0),
            seconds=seconds[plan],
            basis=basis,
        )
        for plan, (accuracy, basis) in expected.items()
    )


def _no_worse(accuracy: Proportion, *, than: Proportion) -> Proportion:
    """Accuracy of at least the head: fine-tuning starts from it, and keeps it where it gets worse.

    A trial that ends below its head was cut short while large steps had done harm.
    """
    if accuracy.estimate >= than.estimate:
        return accuracy
    return Proportion(
        estimate=than.estimate,
        low=min(accuracy.low, than.low),
        high=max(accuracy.high, than.high),
    )


def _within_reach(heads: Heads, plan: str) -> tuple[Proportion, str]:
    """Best score of a head on the stages that a plan trains, or on the last that it keeps.

    Layers that learn can pass on what they are given, so a plan could get there.
    """
    first = max(0, len(heads.stages) - 1 - int(min(depth(plan), len(heads.stages))))
    best = max(range(first, len(heads.stages)), key=lambda i: int(heads.stages[i].right.sum()))
    return heads.stages[best].accuracy, f"a head on stage {best + 1}"


def _halfway(one: tuple[Proportion, str], reach: tuple[Proportion, str]) -> tuple[Proportion, str]:
    """Half the way from a trial, in the logarithm of errors, to what is better and within reach.

    A short trial need not get there, and a long training on few images may not either.
    """
    (tried, basis), (better, source) = one, reach
    if better.estimate <= tried.estimate:
        return one
    errors = math.sqrt((1 - tried.estimate) * (1 - better.estimate))
    halfway = Proportion(estimate=1 - errors, low=tried.low, high=max(tried.high, better.high))
    return halfway, f"{basis}; half the way to {source}"


def _at_least(one: tuple[Proportion, str], floor: tuple[Proportion, str]) -> tuple[Proportion, str]:
    """The better expectation of two, with an interval that reaches as high as either."""
    if floor[0].estimate <= one[0].estimate:
        return one
    high = max(one[0].high, floor[0].high)
    return replace(floor[0], high=high), f"{floor[1]}; {one[1]}"


def _behind(measured: Measured) -> dict[str, float]:
    """Distance from the best of each plan that was tried, and of the head.

    In standard errors of the paired difference of the logarithms of errors.
    """
    answers = {p: t.right for p, t in measured.tried.items() if t is not None and p != SCRATCH}
    for tried in measured.tried.values():
        if tried is not None:
            answers[HEAD] = tried.head_right
    if not answers:
        return {}
    best = max(answers.values(), key=lambda right: int(right.sum()))
    behind = {}
    for plan, right in answers.items():
        worse, variance = _log_ratio(right, best)
        behind[plan] = worse / math.sqrt(variance)
    return behind


def _head_at(case: AdvisorInput, measured: Measured) -> tuple[Proportion, str]:
    """The head's accuracy with all training images, and what it rests on."""
    accuracy = measured.heads.last.accuracy
    trained_on = measured.curve.points[-1].images
    factor = _growth(measured.curve, trained_on, case.training_images)
    basis = f"cross-validated on {measured.looked_at:,} images"
    if factor == 1:
        return accuracy, basis
    # Half of what the curve promises may be missing or come twice: so wide is the interval.
    low, high = (accuracy.low, 1 - (1 - accuracy.high) * factor)
    estimate = 1 - (1 - accuracy.estimate) * factor
    return Proportion(estimate=estimate, low=low, high=high), (
        f"{basis}, the learning curve carried on to {case.training_images:,}"
    )


def _growth(curve: Curve, trained_on: int, images: int) -> float:
    """Factor on the errors of a head when it learns from more images than were looked at.

    Errors fall as a power of the number of images; the power is that of the last doubling, which
    promises a little too much.
    """
    if images <= 1.25 * trained_on or len(curve.points) < 2:
        return 1.0
    before, after = (1 - point.accuracy.estimate for point in curve.points[-2:])
    if not 0 < after < before:
        return 1.0
    doublings = min(MAX_DOUBLINGS, math.log2(images / trained_on))
    return float((after / before) ** doublings)


def _log_ratio(right: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[float, float]:
    """Logarithm of one's errors over the other's on the same images, and its variance.

    Errors that both make tell nothing, so the variance is that of paired counts, each one more
    than seen: without it, no error in few images would be perfection.
    """
    one, two = int((~right).sum()) + 1, int((~other).sum()) + 1
    both = int((~right & ~other).sum())
    return math.log(one / two), max(1 / one + 1 / two - 2 * both / (one * two), 1e-6)


def _changes(measured: Measured) -> dict[str, tuple[float, float]]:
    """The logarithm, by plan, of its errors over the head's, and the deviation of that.

    The mean and the deviation after the trials, of a normal prior around 0: plans are drawn towards
    the head and towards each other, the more, the fewer errors their trials saw (Efron and Morris
    1975, "Data analysis using Stein's estimator"). One that was not tried follows the others.
    """
    plans = [plan for plan in measured.tried if plan != SCRATCH]
    tried = {p: t for p in plans if (t := measured.tried[p]) is not None}
    seen = [plans.index(plan) for plan in tried]
    prior = SHARED_CHANGE**2 + OWN_CHANGE**2 * np.eye(len(plans))
    if not tried:
        return dict.fromkeys(plans, (0.0, math.hypot(SHARED_CHANGE, OWN_CHANGE)))
    found = np.array([_log_ratio(t.right, t.head_right)[0] for t in tried.values()])
    noise = _covariance(list(tried.values()))
    weight = np.linalg.solve(prior[np.ix_(seen, seen)] + noise, prior[seen]).T
    mean, left = weight @ found, prior - weight @ prior[seen]
    return {
        plan: (float(mean[i]), math.sqrt(max(0.0, float(left[i, i]))))
        for i, plan in enumerate(plans)
    }


def _covariance(tried: Sequence[TrialResult]) -> NDArray[np.float64]:
    """Covariance of the plans' `_log_ratio`: they share the head's errors, and some others."""
    wrong = np.array([~t.right for t in tried], dtype=np.float64)
    head = (~tried[0].head_right).astype(np.float64)
    parts = wrong / (wrong.sum(axis=1, keepdims=True) + 1) - head / (head.sum() + 1)
    one_more = np.diag(1 / (wrong.sum(axis=1) + 1) ** 2) + 1 / (head.sum() + 1) ** 2
    return np.asarray(parts @ parts.T + one_more)


def _scaled(head: Proportion, change: float, doubt: float) -> Proportion:
    """The head's accuracy with its errors times exp(change), which is known up to `doubt`."""
    errors = max(1 - head.estimate, 1e-6)
    more = math.hypot(math.log(max((1 - head.low) / errors, 1.0)), Z95 * doubt)
    less = math.hypot(math.log(max(errors / max(1 - head.high, 1e-6), 1.0)), Z95 * doubt)
    middle = errors * math.exp(change)
    return Proportion(
        estimate=max(0.0, 1 - middle),
        low=max(0.0, 1 - middle * math.exp(more)),
        high=max(0.0, 1 - middle * math.exp(-less)),
    )


def _from_scratch(case: AdvisorInput, measured: Measured) -> tuple[Proportion, str]:
    """The trial's accuracy, improved as the head's is with the images that the trial lacked.

    A network that learns from pixels should end no lower than a head on them.
    """
    tried, pixels = measured.tried[SCRATCH], measured.heads.pixels.accuracy
    if tried is None:
        return pixels, "too large for a trial: a head on raw pixels"
    own = proportion(int(tried.right.sum()), len(tried.right))
    factor = _growth(measured.curve, tried.trial.images, case.training_images)
    grown = Proportion(
        estimate=1 - (1 - own.estimate) * factor,
        low=own.low,
        high=1 - (1 - own.high) * factor,
    )
    basis = f"tried on {tried.trial.images:,} images"
    return _at_least((grown, basis), (pixels, "a head on raw pixels"))


def _seconds(case: AdvisorInput, measured: Measured) -> dict[str, float]:
    """Expected training time of each plan; fine-tuning begins with the head's."""
    fit = measured.heads.fit_seconds * case.training_images / max(1, measured.looked_at)
    head = len(case.images) * measured.timings[HEAD].frozen + fit
    validation = len(case.images) - case.training_images
    seconds = {
        plan: (0.0 if plan == SCRATCH else head)
        + timing.training_seconds(
            train=case.training_images,
            validation=validation,
            epochs=case.scratch.epochs if plan == SCRATCH else case.epochs,
            repeats_frozen=case.augmented,
        )
        for plan, timing in measured.timings.items()
        if plan != HEAD
    }
    return {HEAD: head, **seconds}


def why(plans: tuple[PlanEstimate, ...], chosen: PlanEstimate) -> str:
    """Reason for this plan, in a sentence."""
    transfers = [plan for plan in plans if plan.plan != SCRATCH]
    best = max(transfers, key=lambda plan: plan.accuracy.estimate)
    expected = f"training {describe(chosen.plan)} is expected to reach {chosen.accuracy}"
    if best is chosen:
        rest = [plan for plan in transfers if plan is not chosen]
        if not rest:
            return f"{expected}."
        second = max(rest, key=lambda plan: plan.accuracy.estimate)
        return f"{expected}, {describe(second.plan)} {second.accuracy}."
    return (
        f"{expected}; {describe(best.plan)} might reach {best.accuracy}, which is hardly more, and "
        "trains more."
    )


def remarks_on(
    case: AdvisorInput, measured: Measured, plans: tuple[PlanEstimate, ...]
) -> tuple[str, ...]:
    """Remarks on the limits of the advice."""
    return tuple(_remarks(case, measured, plans))


def _remarks(
    case: AdvisorInput, measured: Measured, plans: tuple[PlanEstimate, ...]
) -> Iterator[str]:
    if measured.looked_at < len(case.images):
        yield f"Measured on {measured.looked_at:,} of {len(case.images):,} images."
    if left_out := [describe(plan) for plan, tried in measured.tried.items() if tried is None]:
        yield f"Too large for a trial: {', '.join(left_out)}."
    sides = {t.trial.side for p, t in measured.tried.items() if t is not None and p != SCRATCH}
    if small := [side for side in sides if side < case.images.side]:
        yield f"Trials see images of {small[0]} pixels, not of {case.images.side}."
    if plans[0].plan == SCRATCH:
        yield (
            f"Training {case.scratch.name} from scratch is expected to do better than any plan "
            "with these weights: --pretrained none."
        )
