"""Copies whose layers are randomized: what changes, what stays, and that signals survive."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nunbit.explain.randomized_weights import layers_with_weights, redrawn
from nunbit.models import create_model


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)
    )


def test_the_layers_named_are_drawn_anew_and_no_others() -> None:
    model = network()
    model[1].running_var.copy_(torch.tensor([1.0, 2.0, 3.0, 6.0]))
    model[1].running_mean.fill_(5)
    copy = redrawn(model, ["1", "4"], seed=0)
    assert torch.equal(copy[0].weight, model[0].weight)
    assert not torch.equal(copy[4].weight, model[4].weight)
    scale = float(model[4].weight.detach().std())
    assert float(copy[4].weight.detach().std()) == pytest.approx(scale, rel=0.1)
    assert sorted(copy[4].bias.tolist()) == sorted(model[4].bias.tolist())
    assert copy[1].running_mean.tolist() == [0] * 4
    assert copy[1].running_var.tolist() == [3] * 4
    assert model[1].running_mean.tolist() == [5] * 4


def test_the_seed_decides() -> None:
    model = network()
    first, second, third = (redrawn(model, ["4"], seed=seed)[4].weight for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_a_head_that_begins_at_zero_is_drawn_too() -> None:
    model = network()
    nn.init.zeros_(model[4].weight)
    drawn = redrawn(model, ["4"], seed=0)[4].weight.detach()
    assert float(drawn.std()) == pytest.approx(1 / 12, rel=0.1)


class Backwards(nn.Module):
    """Whose layers are registered in another order than they run in."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 2)
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.unused = nn.Linear(8, 2)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.patches = nn.Conv2d(1, 8, 4, stride=4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.token
        return self.head(self.attention(tokens, tokens, tokens)[0].mean(dim=1))


def test_layers_are_in_the_order_in_which_they_run() -> None:
    found = layers_with_weights(Backwards(), torch.zeros(1, 1, 8, 8))
    ran = [name for name in found if name not in ("", "unused")]
    assert ran == ["patches", "attention", "attention.out_proj", "head"]
    assert found[0] == ""  # its own parameters, used from the beginning
    assert found[-1] == "head"


@pytest.mark.parametrize(
    ("name", "side"),
    [("resnet18", 32), ("mobilenet_v3_small", 64), ("timm/vit_tiny_patch16_224", 32)],
)
def test_signals_pass_through_deep_networks_drawn_anew(name: str, side: int) -> None:
    model = create_model(name, classes=4, channels=3, height=side, width=side, generator_seed=0)
    images = torch.randn(8, 3, side, side, generator=torch.Generator().manual_seed(0))
    for module in model.modules():  # statistics of batch normalisation, as a training leaves them
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        model.train()(images)
        before = model.eval()(images).std(dim=0).mean()
        copy = redrawn(model, layers_with_weights(model, images[:1]), seed=0)
        after = copy(images).std(dim=0).mean()
    assert not copy.training
    assert 1e-3 < after / before < 1e4
