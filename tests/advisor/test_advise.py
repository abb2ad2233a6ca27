from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import TypeVar

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from nunbit.advisor import advise as adviser
from nunbit.advisor import trials
from nunbit.advisor.advise import advise
from nunbit.advisor.evidence import make_folds
from nunbit.advisor.inputs import AdvisorInput
from nunbit.advisor.plans import Advice, depth
from nunbit.advisor.probing import pixel_features, settle_statistics, stage_features
from nunbit.advisor.timing import Timing, time_plan, time_scratch
from nunbit.advisor.trials import TrialSetup, set_up_trials, try_plan, try_scratch
from nunbit.backbone.split_points import find_split_points
from nunbit.errors import DataError, UsageError
from nunbit.progress import Silent
from tests.finetune.stripes import CONTRACT, make_case, make_images, network, pretrained, stripes

T = TypeVar("T")


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return pretrained()


@pytest.fixture(scope="module")
def advice(model: nn.Module) -> Advice:
    return advise(make_case(model))


def state_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def without_times(advice: Advice) -> Advice:
    return replace(
        advice,
        seconds=0.0,
        plans=tuple(replace(plan, seconds=0.0) for plan in advice.plans),
        trials=tuple(replace(trial, seconds=0.0) for trial in advice.trials),
    )


def test_the_advice_holds_all_the_evidence(advice: Advice) -> None:
    sources = [score.source for score in advice.heads]
    assert sources == ["pretrained"] * 3 + ["untrained"] * 3 + ["pixels"]
    assert [score.stage for score in advice.heads] == [1, 2, 3, 1, 2, 3, 0]
    assert [trial.plan for trial in advice.trials] == ["last-stage", "stages:2", "all", "none"]
    assert {plan.plan for plan in advice.plans} == {
        "head",
        "last-stage",
        "stages:2",
        "all",
        "none",
    }
    assert advice.images == advice.measured_on == 120
    assert advice.curve[-1].images == 96
    assert all(plan.seconds > 0 for plan in advice.plans)
    assert advice.seconds > 0


def test_weights_that_know_stripes_are_similar_and_the_head_suffices(advice: Advice) -> None:
    assert advice.similar.yes
    assert not advice.much.yes
    assert advice.recommended == advice.table_plan == "head"
    assert advice.expected.accuracy.estimate > 0.9


def test_the_same_case_gives_the_same_advice_and_leaves_the_network_alone(
    model: nn.Module, advice: Advice
) -> None:
    before = state_of(model)
    random_state = torch.random.get_rng_state()
    model.train()
    titles: list[str] = []

    class Listener(Silent):
        def track(self, items: Iterable[T], *, total: int, title: str) -> Iterator[T]:
            items = list(items)
            assert len(items) == total
            titles.append(title)
            return iter(items)

    again = advise(make_case(model), Listener())
    assert titles == ["Measuring features", "Trying plans", "Timing plans"]  # each step is told
    assert model.training
    model.eval()
    assert without_times(again) == without_times(advice)
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(random_state, torch.random.get_rng_state())


def test_weights_of_something_else_are_called_different() -> None:
    strange = network(seed=5)
    with torch.no_grad():
        strange[8].weight[1:] = 0  # the last stage passes one channel on
    case = make_case(strange.eval(), 200)
    found = advise(case)
    assert not found.similar.yes
    assert found.table_plan in ("stages:2", "all")
    assert depth(found.recommended) >= 1


def test_large_data_are_looked_at_in_part(
    model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adviser, "MAX_IMAGES", 80)
    found = advise(make_case(model))
    assert (found.images, found.measured_on) == (120, 80)
    assert found.remarks[0] == "Measured on 80 of 120 images."


def test_rare_classes_of_large_data_are_looked_at_all_the_same() -> None:
    labels = np.repeat([0, 1, 2], [6000, 12, 2])
    chosen = adviser._looked_at(labels, seed=0)
    assert np.bincount(labels[chosen]).tolist()[1:] == [5, 2]
    assert len(set(chosen)) == len(chosen) <= adviser.MAX_IMAGES + 7
    assert (labels[chosen[adviser.MAX_IMAGES :]] > 0).all()  # only rare ones come at the end


def test_one_image_of_a_class_is_too_few(model: nn.Module) -> None:
    case = make_case(model)
    lonely = np.flatnonzero((case.images.labels != 0) | (np.arange(120) == 0))
    with pytest.raises(DataError, match="a class has too few images"):
        advise(case.subset(lonely))


def test_stage_features_are_those_of_the_network(model: nn.Module) -> None:
    images = make_images(10)
    split_points = find_split_points(model, images.shape)
    found = stage_features(model, split_points, images)
    inputs = torch.cat([batch.images for batch in images.batches()])
    assert isinstance(model, nn.Sequential)
    with torch.no_grad():
        for split_point, values in zip(split_points[:2], found[:2], strict=True):
            expected = model[: int(split_point.name) + 1](inputs).mean(dim=(2, 3))
            np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found[-1], model[:-1](inputs), rtol=1e-5, atol=1e-5)


def test_an_untrained_network_gets_the_statistics_of_the_data() -> None:
    images, fresh = make_images(32), network()
    settle_statistics(fresh, images)
    inputs = torch.cat([batch.images for batch in images.batches()])
    assert isinstance(fresh, nn.Sequential)
    first = fresh[0](inputs)
    torch.testing.assert_close(fresh[1].running_mean, first.mean(dim=(0, 2, 3)))
    assert fresh.training


def test_pixel_features_are_the_canvases() -> None:
    small = pixel_features(make_images(6))
    pictures, _ = stripes(6, seed=1)
    np.testing.assert_allclose(small, pictures.reshape(6, -1) / 255, atol=1e-6)


def test_images_are_made_smaller_as_torch_does_it() -> None:
    images = make_images(9).resized(8, 12)
    assert images.shape == (1, 8, 12)
    assert images.labels.tolist() == make_images(9).labels.tolist()
    pictures, _ = stripes(9, seed=1)
    expected = interpolate(
        torch.from_numpy(pictures).permute(0, 3, 1, 2).float(),
        (8, 12),
        mode="bilinear",
        antialias=True,
    ).round()
    (found,) = images.pixels.stream([images.rows])
    torch.testing.assert_close(found.permute(0, 3, 1, 2).float(), expected)


def arena_of(case: AdvisorInput, *learning: int) -> TrialSetup:
    n = len(case.images)
    folds = make_folds(case.images.labels, np.arange(n), seed=0)
    return set_up_trials(case, folds, strength=0.01, learning=learning or (1, 2, 3))


def test_a_trial_trains_only_what_it_says(
    model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(model)
    setup = arena_of(case)
    copies: list[nn.Module] = []

    def kept(value: nn.Module) -> nn.Module:
        copies.append(copy.deepcopy(value))
        return copies[-1]

    monkeypatch.setattr(trials, "copy", SimpleNamespace(deepcopy=kept))
    tried = try_plan(case, setup, "last-stage", learning_stages=1)
    assert tried is not None
    trained, *others = copies
    assert len(others) == 2  # a new one in every round
    changed = {
        name.partition(".")[0]
        for name, value in trained.state_dict().items()
        if not torch.equal(value, model.state_dict()[name])
    }
    assert changed == {"8", "9", "14"}  # the last convolution, its norm's weights, and the head
    for name, value in trained.state_dict().items():
        if "running" in name:
            assert torch.equal(value, model.state_dict()[name]), name
    assert (tried.trial.images, tried.trial.held_out, tried.trial.rounds) == (72, 120, 3)
    assert tried.trial.visits == 20 * 72
    assert tried.trial.head_accuracy == tried.head_right.mean()


def test_a_trial_starts_from_the_head_and_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    strange = network(seed=5).eval()
    case = make_case(strange, 200)
    setup = arena_of(case)
    monkeypatch.setattr(trials, "LEARNING_RATE", 0.0)
    still = try_plan(case, setup, "all", learning_stages=3)
    assert still is not None
    assert (still.right == setup.head_right).all()
    monkeypatch.setattr(trials, "LEARNING_RATE", 5e-3)
    learned = try_plan(case, setup, "all", learning_stages=3)
    assert learned is not None
    assert learned.right.sum() > setup.head_right.sum()


def test_a_trial_beyond_the_budget_is_left_out(
    model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(model)
    monkeypatch.setattr(trials, "TRIAL_MULTIPLY_ADDS", 1e6)
    setup = arena_of(case)
    assert try_plan(case, setup, "all", learning_stages=3) is None
    assert try_scratch(case, setup) is None


def test_every_image_is_judged_once_and_every_plan_sees_as_many(
    model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sum(
        split_point.multiply_adds_before
        for split_point in find_split_points(model, (1, 16, 16))[-1:]
    )
    monkeypatch.setattr(trials, "TRIAL_MULTIPLY_ADDS", 3 * 3 * whole * 500.0)
    setup = arena_of(make_case(model))
    assert setup.visits == {1: 500, 2: 500, 3: 500}  # what everything can afford
    judged = np.concatenate([one.judged.rows for one in setup.rounds])
    assert sorted(judged) == list(range(120))
    assert not any(set(one.train.rows) & set(one.judged.rows) for one in setup.rounds)
    monkeypatch.setattr(trials, "TRIAL_MULTIPLY_ADDS", 3 * 3 * whole * 399.0)
    assert 3 not in arena_of(make_case(model)).visits


def test_one_round_is_enough_where_it_judges_enough_images(
    model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "MIN_JUDGED", 40)
    (alone,) = arena_of(make_case(model)).rounds
    assert alone.held_out.sum() == 48


def test_scratch_is_tried_from_random_weights(model: nn.Module) -> None:
    case = make_case(model)
    tried = try_scratch(case, arena_of(case))
    assert tried is not None
    assert tried.trial.plan == "none"
    assert tried.trial.accuracy.estimate > 0.4


def test_large_images_are_tried_small_where_the_network_allows_it(
    model: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "TRIAL_SIDE", 8)
    assert arena_of(make_case(model)).rounds[0].train.shape == (1, 8, 8)
    fixed = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 4))
    assert arena_of(make_case(fixed), 1).rounds[0].train.shape == (1, 16, 16)


def test_times_are_measured_for_every_part(model: nn.Module) -> None:
    case = make_case(model)
    split_points = find_split_points(model, case.images.shape)
    before = state_of(model)
    half, whole = (time_plan(case, split_points, learning_stages=n) for n in (1, 3))
    assert min(half.frozen, half.learning, half.step, whole.learning, whole.step) > 0
    assert whole.frozen == 0
    assert time_scratch(case).step > 0
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())


def test_a_training_is_its_epochs_and_one_frozen_pass() -> None:
    timing = Timing(frozen=1.0, learning=2.0, step=10.0)
    kept = timing.training_seconds(train=8, validation=2, epochs=3, repeats_frozen=False)
    assert kept == 1 * 10 + 3 * (10 * 8 + 2 * 2)
    again = timing.training_seconds(train=8, validation=2, epochs=3, repeats_frozen=True)
    assert again - kept == 2 * 8


def test_colour_and_grey_are_read_alike() -> None:
    colour = replace(CONTRACT, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
    assert make_images(4, contract=colour).resized(8, 8).shape == (3, 8, 8)


class Winding(nn.Module):
    """A network whose way depends on its values, so that it cannot be followed."""

    def __init__(self) -> None:
        super().__init__()
        self.body = network()[:-1]
        self.head = nn.Linear(16, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.body(images)
        if float(features.detach().sum()) == -1.0:
            features = features + 1
        return self.head(features)


def test_a_network_that_cannot_be_followed_is_one_stage() -> None:
    found = advise(replace(make_case(Winding().eval()), untrained=Winding))
    stages = [(score.source, score.stage) for score in found.heads]
    assert stages == [("pretrained", 1), ("untrained", 1), ("pixels", 0)]
    assert {plan.plan for plan in found.plans} == {"head", "all", "none"}
    assert [trial.plan for trial in found.trials] == ["all", "none"]


def test_a_network_that_takes_no_head_is_refused_before_anything_is_measured() -> None:
    ends_in_convolution = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    with pytest.raises(UsageError, match="does not end in a linear layer") as caught:
        advise(make_case(ends_in_convolution, n=4))  # too few images, too, which comes later
    assert "--transfer none" in caught.value.remedy
