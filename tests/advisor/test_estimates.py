from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from nunbit.advisor.estimates import (
    OWN_CHANGE,
    SHARED_CHANGE,
    Heads,
    Measured,
    _changes,
    estimates,
    is_much,
    is_similar,
    remarks_on,
    why,
)
from nunbit.advisor.evidence import Curve, OutOfFold, gain
from nunbit.advisor.inputs import AdvisorInput, Images, ScratchBaseline
from nunbit.advisor.plans import CurvePoint, PlanEstimate, Trial, proportion, rank, recommend
from nunbit.advisor.timing import Timing
from nunbit.advisor.trials import TrialResult
from nunbit.data.pixels import ArrayPixels
from nunbit.data.preprocess import Preprocess

CONTRACT = Preprocess(height=8, width=8, channels=1, mean=(0.0,), std=(1.0,))
TIMING = Timing(frozen=0.01, learning=0.02, step=0.1)


def make_case(per_class: int, *, augmented: bool = False) -> AdvisorInput:
    labels = np.repeat([0, 1], per_class)
    pixels = ArrayPixels(
        np.zeros((len(labels), 8, 8, 1), dtype=np.uint8),
        reasons=("",) * len(labels),
        preprocess=CONTRACT,
    )
    return AdvisorInput(
        data="case",
        model="net",
        weights="weights",
        classes=2,
        network=nn.Identity(),
        untrained=nn.Identity,
        scratch=ScratchBaseline(
            name="smallcnn", build=lambda height, width: nn.Identity(), height=8, width=8, epochs=50
        ),
        images=Images(
            pixels=pixels,
            preprocess=CONTRACT,
            rows=np.arange(len(labels)),
            all_labels=labels,
            device=torch.device("cpu"),
        ),
        groups=np.arange(len(labels)),
        training_images=round(0.8 * len(labels)),
        epochs=10,
        stage_decay=0.5,
        augmented=augmented,
        seed=0,
    )


def wrong(count: int, n: int = 200) -> NDArray[np.bool_]:
    """Answers of which the first `count` are wrong, so that better answers err on fewer images."""
    return np.arange(n) >= count


def judged(count: int, n: int = 200) -> OutOfFold:
    return OutOfFold(right=wrong(count, n), strength=0.01)


def make_heads(
    *, last: int = 20, earlier: int = 40, untrained: int = 90, pixels: int = 80
) -> Heads:
    return Heads(
        stages=(judged(60), judged(earlier), judged(last)),
        untrained=(judged(untrained),) * 3,
        pixels=judged(pixels),
        scores=(),
        fit_seconds=0.5,
    )


def make_curve(*errors: int, n: int = 200) -> Curve:
    rights = [wrong(count, n) for count in errors]
    return Curve(
        points=tuple(
            CurvePoint(images=160 >> (len(errors) - 1 - i), accuracy=proportion(right.sum(), n))
            for i, right in enumerate(rights)
        ),
        last_doubling=gain(rights[-2], rights[-1]),
    )


def tried(plan: str, errors: int, *, head_errors: int = 10, n: int = 100) -> TrialResult:
    right, head_right = wrong(errors, n), wrong(head_errors, n)
    return TrialResult(
        trial=Trial(
            plan=plan,
            images=160,
            held_out=n,
            visits=1000,
            side=8,
            seconds=1.0,
            accuracy=proportion(right.sum(), n),
            head_accuracy=float(head_right.mean()),
        ),
        right=right,
        head_right=head_right,
    )


def make_measured(
    trials: dict[str, TrialResult | None], *, heads: Heads | None = None, curve: Curve | None = None
) -> Measured:
    return Measured(
        heads=heads or make_heads(),
        curve=curve or make_curve(30, 25, 20),
        tried=trials,
        timings=dict.fromkeys(("head", *trials), TIMING),
        looked_at=200,
    )


def by_plan(found: tuple[PlanEstimate, ...]) -> dict[str, PlanEstimate]:
    return {plan.plan: plan for plan in found}


def test_the_head_is_expected_to_do_what_cross_validation_says() -> None:
    found = by_plan(estimates(make_case(100), make_measured({"none": tried("none", 40)})))
    assert found["head"].accuracy == judged(20).accuracy
    assert found["head"].basis == "cross-validated on 200 images"


def test_more_training_images_than_were_looked_at_carry_the_curve_on() -> None:
    case = replace(make_case(100), training_images=640)  # two doublings of the curve's 160
    head = by_plan(estimates(case, make_measured({"none": tried("none", 40)})))["head"]
    expected = 1 - 0.1 * (20 / 25) ** 2
    assert head.accuracy.estimate == pytest.approx(expected)
    assert head.accuracy.low == judged(20).accuracy.low
    assert head.accuracy.high > expected
    assert head.basis.endswith("the learning curve carried on to 640")


def test_a_flat_curve_is_not_carried_on() -> None:
    case = replace(make_case(100), training_images=640)
    measured = make_measured({"none": tried("none", 40)}, curve=make_curve(30, 20, 20))
    assert by_plan(estimates(case, measured))["head"].accuracy == judged(20).accuracy


def test_a_plan_gains_less_than_its_trial_and_in_the_same_direction() -> None:
    trials = {
        "last-stage": tried("last-stage", 5),
        "all": tried("all", 20),
        "none": tried("none", 40),
    }
    found = by_plan(estimates(make_case(100), make_measured(trials)))
    assert 0.9 < found["last-stage"].accuracy.estimate < 0.95  # the trial halved the errors
    # What fell behind its head would keep the head in earnest.
    assert found["all"].accuracy.estimate == judged(20).accuracy.estimate
    assert found["last-stage"].behind == 0
    assert found["all"].behind > found["head"].behind > 0
    for plan in found.values():
        assert plan.accuracy.low <= plan.accuracy.estimate <= plan.accuracy.high


def test_the_plans_of_few_images_are_drawn_towards_each_other() -> None:
    def apart(n: int) -> float:
        trials = {
            "last-stage": tried("last-stage", 2 * n // 100, head_errors=n // 10, n=n),
            "all": tried("all", 8 * n // 100, head_errors=n // 10, n=n),
            "none": None,
        }
        found = by_plan(estimates(make_case(100), make_measured(trials)))
        return found["last-stage"].accuracy.estimate - found["all"].accuracy.estimate

    assert 0 < apart(50) < apart(500) < apart(50_000) < 0.0601  # as far apart as the trials saw


def test_estimates_are_the_posterior_of_a_normal_model() -> None:
    """The same by brute force: many draws from the prior, weighted by their likelihood."""
    trials = {
        "last-stage": tried("last-stage", 20, head_errors=40),
        "all": tried("all", 30, head_errors=40),
        "none": None,
    }
    changes = _changes(make_measured(trials))
    generator = np.random.default_rng(0)
    draws = SHARED_CHANGE * generator.normal(size=(400_000, 1))
    draws = draws + OWN_CHANGE * generator.normal(size=(400_000, 2))
    seen = np.log([21 / 41, 31 / 41])
    right = np.array([t.right for t in trials.values() if t is not None])
    head = trials["all"].head_right if trials["all"] else wrong(0)
    parts = (~right) / np.array([[21], [31]]) - (~head) / 41
    noise = parts @ parts.T + np.diag([1 / 21**2, 1 / 31**2]) + 1 / 41**2
    rest = draws - seen
    weights = np.exp(-0.5 * np.einsum("ni,ij,nj->n", rest, np.linalg.inv(noise), rest))
    mean = (weights[:, None] * draws).sum(axis=0) / weights.sum()
    spread = np.sqrt((weights[:, None] * (draws - mean) ** 2).sum(axis=0) / weights.sum())
    for i, plan in enumerate(("last-stage", "all")):
        assert changes[plan] == pytest.approx((mean[i], spread[i]), abs=0.01)


def test_few_held_out_images_hardly_move_an_estimate() -> None:
    def gained(n: int) -> float:
        measured = make_measured(
            {"all": tried("all", n // 20, head_errors=n // 10, n=n), "none": None}
        )
        return by_plan(estimates(make_case(100), measured))["all"].accuracy.estimate

    assert 0.9 < gained(20) < gained(100) < gained(2000) < 0.951


def test_an_earlier_stage_that_serves_better_is_within_reach_of_what_trains_after_it() -> None:
    heads = make_heads(last=40, earlier=10)
    trials = {"last-stage": tried("last-stage", 10), "all": tried("all", 10), "none": None}
    found = by_plan(estimates(make_case(100), make_measured(trials, heads=heads)))
    for plan in ("last-stage", "all"):
        # Nothing gained on the head's 20 % of errors in the trial, 5 % within reach: 10 %.
        assert found[plan].accuracy.estimate == pytest.approx(0.9)
        assert found[plan].basis.endswith("from the head on; half the way to a head on stage 2")
        assert found[plan].accuracy.low < 0.8
        assert found[plan].accuracy.high >= judged(10).accuracy.high
    assert found["head"].accuracy.estimate == 0.8


def test_what_is_too_large_for_a_trial_follows_the_other_plans_with_more_doubt() -> None:
    trials = {"last-stage": tried("last-stage", 5), "all": None, "none": None}
    measured = make_measured(trials)
    found = by_plan(estimates(make_case(100), measured))
    gained = [found[plan].accuracy.estimate for plan in ("head", "all", "last-stage")]
    assert gained == sorted(gained)
    assert gained[0] < gained[1] < gained[2]
    assert found["all"].basis == "too large for a trial: taken from the other plans"
    assert found["all"].accuracy.low < found["last-stage"].accuracy.low
    assert found["none"].accuracy == judged(80).accuracy
    assert found["none"].basis == "too large for a trial: a head on raw pixels"
    remarks = " ".join(remarks_on(make_case(100), measured, rank(tuple(found.values()))))
    assert "Too large for a trial: everything, from scratch." in remarks


def test_a_clear_gain_is_recommended_and_an_unclear_one_is_not() -> None:
    def recommended(errors: int) -> str:
        trials = {"all": tried("all", errors, head_errors=30), "none": None}
        return recommend(estimates(make_case(100), make_measured(trials))).plan

    assert recommended(10) == "all"
    assert recommended(29) == "head"


def test_scratch_is_what_it_was_in_its_trial_but_no_less_than_a_head_on_pixels() -> None:
    case = make_case(100)
    good = by_plan(estimates(case, make_measured({"none": tried("none", 5)})))["none"]
    assert good.accuracy.estimate == 0.95
    poor = by_plan(estimates(case, make_measured({"none": tried("none", 90)})))["none"]
    assert poor.accuracy.estimate == judged(80).accuracy.estimate


def test_times_are_the_measured_ones_multiplied_out() -> None:
    trials = {"last-stage": tried("last-stage", 5), "none": None}
    found = by_plan(estimates(make_case(100), make_measured(trials)))
    head = 200 * 0.01 + 0.5 * 160 / 200  # with which fine-tuning begins
    assert found["head"].seconds == pytest.approx(head)
    step = 0.1 * 160 + 0.02 * 40
    assert found["last-stage"].seconds == pytest.approx(head + 0.01 * 200 + 10 * step)
    assert found["none"].seconds == pytest.approx(0.01 * 200 + 50 * step)
    again = by_plan(estimates(make_case(100, augmented=True), make_measured(trials)))
    assert again["last-stage"].seconds == pytest.approx(head + 0.01 * (10 * 160 + 40) + 10 * step)


def test_much_data_are_many_images_and_a_curve_that_has_levelled() -> None:
    flat, steep = make_curve(24, 22, 20), make_curve(60, 40, 20)
    assert is_much(make_case(100), flat).yes
    assert not is_much(make_case(100), steep).yes
    assert not is_much(make_case(99), flat).yes
    reason = is_much(make_case(100), steep).reason
    assert "100 images of the median class, 100 of the smallest" in reason
    assert "still rising: from 80 to 160 images a head gained +10.0 points" in reason
    assert "no longer clearly rising" in is_much(make_case(100), make_curve(20, 20)).reason


def test_no_curve_is_said_to_be_none() -> None:
    curve = Curve(points=make_curve(20, 20).points[-1:], last_doubling=gain(wrong(1), wrong(1)))
    assert "too few for a learning curve" in is_much(make_case(4), curve).reason


def test_similar_is_what_pretraining_helps_and_the_last_stage_serves_best() -> None:
    good = is_similar(make_heads(last=20, pixels=80))
    assert good.yes
    assert "on raw pixels 60.0 %" in good.reason
    assert "pretraining removes 75 % of the errors" in good.reason
    poor = is_similar(make_heads(last=60, pixels=80))
    assert not poor.yes
    worse = is_similar(make_heads(last=100, earlier=90, pixels=80))
    assert "pretraining makes 25 % more errors" in worse.reason
    special = is_similar(make_heads(last=30, earlier=10))
    assert not special.yes
    assert "stage 2 of 3 serves better than the last, 95.0 %" in special.reason
    untrained = is_similar(make_heads(last=20, untrained=50))
    assert "on an untrained copy 75.0 %" in untrained.reason


def test_the_reason_names_the_second_best_or_the_better_that_is_within_the_error() -> None:
    trials = {"last-stage": tried("last-stage", 2, head_errors=30), "none": None}
    plans = estimates(make_case(100), make_measured(trials))
    text = why(plans, recommend(plans))
    assert text.startswith("training last stage and head is expected to reach 9")
    assert ", head 90.0 %" in text
    unclear = {"all": tried("all", 29, head_errors=30), "none": None}
    plans = estimates(make_case(100), make_measured(unclear))
    assert "everything might reach" in why(plans, recommend(plans))
    (alone, *_) = plans
    assert why((alone,), alone).endswith("(85.1 to 93.4).")


def test_a_better_training_from_scratch_is_remarked_on() -> None:
    measured = make_measured({"none": tried("none", 1)})
    plans = rank(estimates(make_case(100), measured))
    assert plans[0].plan == "none"
    (remark,) = remarks_on(make_case(100), measured, plans)
    assert "Training smallcnn from scratch is expected to do better" in remark
