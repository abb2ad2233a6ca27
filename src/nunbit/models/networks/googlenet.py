"""GoogLeNet as the course builds it in Keras: without auxiliary classifiers.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import (
    SamePad,
    average_head,
    conv_relu,
    draw_he_normal,
    dropout_probabilities,
    features_and_head,
)


class Widths(NamedTuple):
    """Output channels of an inception module's convolutions."""

    one: int
    reduce_three: int
    three: int
    reduce_five: int
    five: int
    pool: int


MODULES = {
    "3a": Widths(64, 96, 128, 16, 32, 32),
    "3b": Widths(128, 128, 192, 32, 96, 64),
    "4a": Widths(192, 96, 208, 16, 48, 64),
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),
    "4e": Widths(256, 160, 320, 32, 128, 128),
    "5a": Widths(256, 160, 320, 32, 128, 128),
    "5b": Widths(384, 192, 384, 48, 128, 128),
}
"""Szegedy et al. 2014 (arXiv 1409.4842), table 1; a pooling follows 3b and 4e."""


class Inception(nn.Module):
    """Four views of the same maps side by side: [B, Cin, H, W] -> [B, Cout, H, W]."""

    def __init__(self, channels: int, widths: Widths) -> None:
        super().__init__()
        self.one = nn.Sequential(*conv_relu(channels, widths.one, 1))
        self.three = nn.Sequential(
            *conv_relu(channels, widths.reduce_three, 1),
            *conv_relu(widths.reduce_three, widths.three, 3, padding=1),
        )
        self.five = nn.Sequential(
            *conv_relu(channels, widths.reduce_five, 1),
            *conv_relu(widths.reduce_five, widths.five, 5, padding=2),
        )
        self.pool = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), *conv_relu(channels, widths.pool, 1)
        )
        self.channels_out = widths.one + widths.three + widths.five + widths.pool

    def forward(self, maps: Tensor) -> Tensor:
        """The views are joined along the channels, in the order of the table."""
        views = (self.one(maps), self.three(maps), self.five(maps), self.pool(maps))
        return torch.cat(views, dim=1)


def googlenet_keras(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """A stem, nine inception modules, the global average: [B, C, H, W] -> logits [B, K].

    On 224x224 pixels the maps measure 112, 56, 28, 14 and 7 pixels.
    """
    (dropped,) = dropout_probabilities(dropout, (0.5,))
    features = nn.Sequential(
        SamePad(7, 2),
        *conv_relu(shape.channels, 64, 7, stride=2),
        *_halving_pool(),
        *conv_relu(64, 64, 1),
        *conv_relu(64, 192, 3, padding=1),
        *_halving_pool(),
    )
    channels = 192
    for name, widths in MODULES.items():
        module = Inception(channels, widths)
        features.add_module(f"inception_{name}", module)
        if name in ("3b", "4e"):
            features.extend(_halving_pool())
        channels = module.channels_out
    network = features_and_head(features, average_head(channels, classes, dropped=dropped))
    draw_he_normal(network)
    return network


def _halving_pool() -> tuple[nn.Module, nn.Module]:
    return SamePad(3, 2), nn.MaxPool2d(3, 2)


MODELS = (
    ModelInfo(
        name="googlenet-keras",
        build=googlenet_keras,
        input=Shape(3, 224, 224),
        min_size=1,
        dropouts=1,
        parameters=5_983_802,
        multiply_adds=1_581_658_112,
        source="Szegedy et al. 2014, as the course notes build it in Keras",
    ),
)
