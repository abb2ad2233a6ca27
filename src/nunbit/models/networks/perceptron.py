"""Rosenblatt's perceptron, and the small network that does what it cannot.

B samples in a batch, d features, K outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nunbit.models.info import Dropout, ModelInfo, Shape


def step(sums: Tensor) -> Tensor:
    """The perceptron's activation: +1 where the sum is 0 or more, else -1; any shape."""
    return torch.where(sums >= 0, 1.0, -1.0)


class Perceptron(nn.Module):
    """Units without a hidden layer: features [B, d] -> sums [B, K], s = w0 + w1 x1 + … + wd xd."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.sum = nn.Linear(features, units)

    def forward(self, features: Tensor) -> Tensor:
        """Weighted sums [B, K]: the logits, which training works on, as the step has no slope."""
        sums: Tensor = self.sum(features)
        return sums

    @torch.no_grad()
    def decide(self, features: Tensor) -> Tensor:
        """The published output: `step` of the sums, [B, K]."""
        return step(self(features))


def perceptron(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:  # noqa: ARG001
    """One unit for each output: features [B, d] -> logits [B, K]."""
    return Perceptron(shape.width, classes)


def xor_mlp(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:  # noqa: ARG001
    """Three hidden layers of ten sigmoid units: features [B, d] -> logits [B, K].

    The sigmoid of the published output unit is part of the loss (binary cross entropy on logits).
    """
    return nn.Sequential(
        nn.Linear(shape.width, 10),
        nn.Sigmoid(),
        nn.Linear(10, 10),
        nn.Sigmoid(),
        nn.Linear(10, 10),
        nn.Sigmoid(),
        nn.Linear(10, classes),
    )


MODELS = (
    ModelInfo(
        name="perceptron",
        build=perceptron,
        input=Shape(1, 1, 2),
        takes="features",
        channels=(1,),
        parameters=3,
        multiply_adds=2,
        classes=1,
        source="Rosenblatt 1958; its logits are the sums before the step",
    ),
    ModelInfo(
        name="xor-mlp",
        build=xor_mlp,
        input=Shape(1, 1, 2),
        takes="features",
        channels=(1,),
        parameters=261,
        multiply_adds=230,
        classes=1,
        source="course notes, XOR",
    ),
)
