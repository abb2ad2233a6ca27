"""The schemes against the variances that their papers state."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nunbit.errors import UsageError
from nunbit.models import initialise

FAN_IN, FAN_OUT = 9 * 64, 9 * 128


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(64, 128, 3), nn.BatchNorm2d(128), nn.Linear(300, 200))


@pytest.mark.parametrize(
    ("scheme", "variance", "uniform"),
    [
        ("glorot-normal", 2 / (FAN_IN + FAN_OUT), False),
        ("glorot-uniform", 2 / (FAN_IN + FAN_OUT), True),
        ("he-normal", 2 / FAN_IN, False),
        ("he-uniform", 2 / FAN_IN, True),
    ],
)
def test_variances(scheme: str, variance: float, uniform: bool) -> None:
    model = network()
    initialise(model, scheme, seed=1)  # type: ignore[arg-type]
    weights = model[0].weight.detach().double()
    assert weights.var().item() == pytest.approx(variance, rel=0.02)  # 73,728 draws: 1 sd is 0.5 %
    assert weights.mean().item() == pytest.approx(0, abs=4 * (variance / weights.numel()) ** 0.5)
    # A uniform distribution ends at the root of three times its variance.
    assert (weights.abs().max().item() <= (3 * variance) ** 0.5 + 1e-6) is uniform
    assert not model[0].bias.any()
    assert not model[2].bias.any()
    assert torch.equal(model[1].weight, torch.ones(128))


def test_seed_decides_and_the_global_generator_rests() -> None:
    first, second, other = network(), network(), network()
    state = torch.get_rng_state()
    initialise(first, "he-normal", seed=5)
    initialise(second, "he-normal", seed=5)
    initialise(other, "he-normal", seed=6)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first[2].weight, second[2].weight)
    assert not torch.equal(first[2].weight, other[2].weight)


def test_default_leaves_everything() -> None:
    model = network()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    initialise(model)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_unknown_scheme() -> None:
    with pytest.raises(UsageError, match="did you mean he-normal"):
        initialise(network(), "he-norm")  # type: ignore[arg-type]
