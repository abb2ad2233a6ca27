"""Pieces that several networks share.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

import copy
from collections import OrderedDict

import torch
from torch import nn

from nunbit.models.info import Dropout, Shape


def conv_bn_relu(
    channels_in: int, channels_out: int, *, padding: int = 1, bias: bool = False
) -> tuple[nn.Module, nn.Module, nn.Module]:
    """3x3 convolution, batch normalisation, ReLU: [B, Cin, H, W] -> [B, Cout, H', W']."""
    return (
        nn.Conv2d(channels_in, channels_out, 3, padding=padding, bias=bias),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


def flat_features(features: nn.Module, shape: Shape) -> int:
    """Number of values that `features` makes of one image of `shape`.

    Raises RuntimeError where the image is too small for a layer.
    """
    shadow = copy.deepcopy(features).to("meta").eval()
    with torch.no_grad():
        maps = shadow(torch.empty((1, *shape), device="meta"))
    return int(maps.numel())


def features_and_head(features: nn.Module, head: nn.Module) -> nn.Sequential:
    """The network "features, then head", with its two parts under these names."""
    return nn.Sequential(OrderedDict(features=features, head=head))


def shares(dropout: Dropout, published: tuple[float, ...]) -> tuple[float, ...]:
    """The share of each dropout layer: as published, one for all, or one for each."""
    if dropout is None:
        return published
    if isinstance(dropout, tuple):
        return dropout
    return (dropout,) * len(published)
