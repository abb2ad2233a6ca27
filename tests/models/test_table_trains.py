"""Every model of the table learns: two epochs on real digits, 0 against 1, bring its loss down."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import nn

from nunbit.models import create_model, initialise, model_info
from nunbit.models.catalog import CATALOGUE
from nunbit.models.info import Shape
from nunbit.models.initialise import Scheme
from tests.models.inputs import digits_as, two_digits


class Setting(NamedTuple):
    """How a model is trained here; AdamW throughout."""

    learning_rate: float = 1e-3
    images: int = 120
    side: int = 16
    scheme: Scheme = "default"


SETTINGS = {  # what departs from the usual
    "perceptron": Setting(learning_rate=1e-2),
    "xor-mlp": Setting(learning_rate=1e-2, images=360),
    "gcn": Setting(learning_rate=1e-2, images=360),
    "dbn": Setting(images=360),
    "lenet5-1998": Setting(side=32),
    "googlenet-keras": Setting(images=60, learning_rate=3e-4),
    # Eight layers without normalisation learn at once only if the signal does not fade.
    "alexnet": Setting(learning_rate=1e-4, images=60, scheme="he-normal"),
    "alexnet-small": Setting(learning_rate=1e-4, images=60, scheme="he-normal"),
    "vgg16-gap": Setting(learning_rate=1e-4, images=120),
    "vgg16-head": Setting(learning_rate=1e-4, images=60),
    "xai-cnn": Setting(images=200),
    "resnet50-keras": Setting(side=32, images=200),
}
SLOW = ("alexnet", "alexnet-small", "vgg16-gap", "vgg16-head", "xai-cnn", "resnet50-keras")
BATCH = 10


def trained_small(name: str) -> Shape:
    """Reduced size: the smallest that works, and that of the setting at least."""
    info = model_info(name)
    if info.takes != "images":
        return info.input._replace(width=64) if info.takes == "features" else info.input
    side = max(info.minimum_size, SETTINGS.get(name, Setting()).side)
    return Shape(info.input.channels, side, side)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CATALOGUE]
)
def test_two_epochs_bring_the_loss_down(name: str) -> None:
    setting, shape = SETTINGS.get(name, Setting()), trained_small(name)
    inputs = tuple(values[: setting.images] for values in digits_as(model_info(name), shape))
    labels = two_digits()[1][: setting.images]
    size = {"height": shape.height, "width": shape.width}
    model = create_model(name, classes=2, **size, generator_seed=0)
    initialise(model, setting.scheme)
    optimizer = torch.optim.AdamW(model.parameters(), lr=setting.learning_rate)

    before = loss_on(model, inputs, labels)
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(2):
            for rows in torch.randperm(len(labels), generator=generator).split(BATCH):
                batch = (values[rows] for values in inputs)
                nn.functional.cross_entropy(model(*batch), labels[rows]).backward()
                optimizer.step()
                optimizer.zero_grad()
    assert loss_on(model, inputs, labels) < 0.95 * before


@torch.no_grad()
def loss_on(model: nn.Module, inputs: tuple[torch.Tensor, ...], labels: torch.Tensor) -> float:
    model.eval()
    loss = nn.functional.cross_entropy(model(*inputs), labels).item()
    model.train()
    return loss
