"""The perceptron's published truth tables, and the network that solves XOR."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nunbit.models import create_model
from nunbit.models.networks.perceptron import Perceptron, step

CORNERS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def with_weights(bias: float, first: float, second: float) -> Perceptron:
    unit = create_model("perceptron", classes=1)
    assert isinstance(unit, Perceptron)
    with torch.no_grad():
        unit.sum.bias.fill_(bias)
        unit.sum.weight.copy_(torch.tensor([[first, second]]))
    return unit


def test_or_as_published() -> None:
    unit = with_weights(-0.5, 1, 1)
    assert unit(CORNERS).squeeze(1).tolist() == [-0.5, 0.5, 0.5, 1.5]
    assert unit.decide(CORNERS).squeeze(1).tolist() == [-1, 1, 1, 1]


@pytest.mark.parametrize(
    ("weights", "outputs"), [((-1.5, 1, 1), [-1, -1, -1, 1]), ((1.5, -1, -1), [1, 1, 1, -1])]
)
def test_and_and_nand(weights: tuple[float, float, float], outputs: list[float]) -> None:
    assert with_weights(*weights).decide(CORNERS).squeeze(1).tolist() == outputs


def test_a_sum_of_zero_fires() -> None:
    assert step(torch.tensor([-1e-9, 0.0, 1e-9])).tolist() == [-1, 1, 1]


@pytest.mark.parametrize(("name", "solved"), [("perceptron", False), ("xor-mlp", True)])
def test_xor(name: str, solved: bool) -> None:
    network = create_model(name, classes=1, generator_seed=0)
    wanted = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(600):
        nn.functional.binary_cross_entropy_with_logits(network(CORNERS), wanted).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert bool(((network(CORNERS) > 0) == (wanted > 0)).all()) is solved
