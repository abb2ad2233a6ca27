"""Optimisers and schedules against torch's own schedulers and hand-made updates."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from nunbit.training.optim import (
    USUAL_LEARNING_RATE,
    make_optimizer,
    parameter_groups,
    schedule_factor,
    set_learning_rate,
)


def test_one_cycle_is_torchs_one_cycle() -> None:
    steps, warmup = 200, 0.25
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = OneCycleLR(
        optimizer, max_lr=1.0, total_steps=steps + 1, pct_start=warmup, final_div_factor=400
    )
    # torch places its peak at step pct * total − 1; the shares below follow that count.
    peak = warmup * (steps + 1) - 1
    for step in range(steps + 1):
        wanted = reference.get_last_lr()[0]
        if step <= peak:
            share = step / peak * warmup
        else:
            share = warmup + (step - peak) / (steps - peak) * (1 - warmup)
        assert schedule_factor("one-cycle", share, warmup_fraction=warmup) == pytest.approx(
            wanted, abs=1e-9
        )
        optimizer.step()
        if step < steps:
            reference.step()


@pytest.mark.parametrize(
    ("name", "share", "factor"),
    [
        ("constant", 0.0, 1.0),
        ("constant", 1.0, 1.0),
        ("cosine", 0.0, 0.0),
        ("cosine", 0.1, 0.5),
        ("cosine", 0.2, 1.0),
        ("cosine", 0.6, 0.5),
        ("cosine", 1.0, 0.0),
        ("one-cycle", 0.0, 1 / 25),
        ("one-cycle", 0.2, 1.0),
        ("one-cycle", 1.0, 1e-4),
        ("one-cycle", 1.3, 1e-4),  # a time that is over stays at the end
    ],
)
def test_schedules_pass_through_their_corners(name: str, share: float, factor: float) -> None:
    assert schedule_factor(name, share, warmup_fraction=0.2) == pytest.approx(factor)


def test_a_schedule_without_warmup_starts_at_its_top() -> None:
    assert schedule_factor("cosine", 0.0, warmup_fraction=0.0) == 1.0


def test_norms_and_biases_are_not_decayed() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 2))
    decayed, plain = parameter_groups(model, 0.1)
    assert [tuple(p.shape) for p in decayed["params"]] == [(2, 1, 3, 3), (2, 2)]
    assert len(plain["params"]) == 4
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)


@pytest.mark.parametrize("name", sorted(USUAL_LEARNING_RATE))
def test_every_optimizer_lowers_a_convex_loss(name: str) -> None:
    model = nn.Linear(3, 1)
    torch.manual_seed(0)
    x, y = torch.randn(64, 3), torch.randn(64, 1)
    optimizer = make_optimizer(
        name, parameter_groups(model, 0.0), learning_rate=USUAL_LEARNING_RATE[name]
    )
    losses = []
    for _ in range(30):
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_nesterov_momentum_by_hand() -> None:
    weight = nn.Parameter(torch.tensor([[1.0]]))
    optimizer = make_optimizer(
        "sgd", [{"params": [weight]}], learning_rate=0.1, momentum=0.5, nesterov=True
    )
    velocity, by_hand = 0.0, 1.0
    for _ in range(3):
        optimizer.zero_grad()
        (weight**2 / 2).sum().backward()
        optimizer.step()
        velocity = 0.5 * velocity + by_hand
        by_hand -= 0.1 * (by_hand + 0.5 * velocity)
        assert weight.item() == pytest.approx(by_hand, rel=1e-6)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown optimiser 'sdg'"):
        make_optimizer("sdg", [{"params": [nn.Parameter(torch.zeros(1))]}], learning_rate=1)
    with pytest.raises(ValueError, match="unknown schedule 'cosin'"):
        schedule_factor("cosin", 0.5, warmup_fraction=0.1)


def test_scales_act_on_every_step_and_leave_decay_alone() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    groups = parameter_groups(model, 0.1, scales={"0.weight": 0.5, "0.bias": 0.5})
    assert [(g["scale"], g["weight_decay"], len(g["params"])) for g in groups] == [
        (1.0, 0.1, 1),
        (1.0, 0.0, 1),
        (0.5, 0.1, 1),
        (0.5, 0.0, 1),
    ]
    optimizer = make_optimizer("adam", groups, learning_rate=1.0)
    set_learning_rate(optimizer, 0.01)
    assert [group["lr"] for group in optimizer.param_groups] == [0.01, 0.01, 0.005, 0.005]


def test_what_needs_no_gradient_has_no_group() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    assert sum(len(group["params"]) for group in parameter_groups(model, 0.1)) == 2
