"""A network that is quick to train: it looks at overlapping patches, and at half the size at once.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from torch import nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import (
    average_head,
    conv_bn_relu,
    dropout_probabilities,
    features_and_head,
)

NARROW = (32, 48, 128, 256)
WIDE = (64, 128, 256, 512)
"""Channels after the patches and after each stage."""


def patchcnn(
    shape: Shape, classes: int, dropout: Dropout = None, *, widths: tuple[int, ...] = NARROW
) -> nn.Module:
    """Patches of 4x4 at every second pixel, then stages: [B, C, H, W] -> logits [B, K].

    `smallcnn` without what is dear in it: one convolution with stride 2, made to be drawn by
    `nunbit.models.whitening`, takes the place of the maps of full size, and each stage has one
    convolution, halved at once. Three stages up to 32 pixels and one more for each doubling beyond.
    """
    (dropped,) = dropout_probabilities(dropout, (0.0,))
    layers: list[nn.Module] = [
        nn.Conv2d(shape.channels, widths[0], 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(widths[0]),
        nn.ReLU(),
    ]
    side = min(shape.height, shape.width)
    for channels_in, channels_out in pairwise((*widths, *_further(widths[-1], side))):
        convolution, *normalised = conv_bn_relu(channels_in, channels_out)
        layers += [convolution, nn.MaxPool2d(2), *normalised]
    head = average_head(widths[-1], classes, dropped=dropped)
    return features_and_head(nn.Sequential(*layers), head)


def _further(width: int, side: int) -> Iterator[int]:
    """Channels of the stages for images beyond 32 pixels."""
    while side > 32:
        yield width
        side //= 2


MODELS = (
    ModelInfo(
        name="patchcnn",
        build=patchcnn,
        input=Shape(1, 28, 28),
        dropouts=1,
        min_size=16,
        follows_data=True,
        whitens=True,
        parameters=368_042,
        multiply_adds=8_176_128,
        source="nunbit: smallcnn on patches, quick to train",
    ),
    ModelInfo(
        name="patchcnn-wide",
        build=partial(patchcnn, widths=WIDE),
        input=Shape(1, 28, 28),
        dropouts=1,
        min_size=16,
        follows_data=True,
        whitens=True,
        parameters=1_556_362,
        multiply_adds=39_724_032,
        source="nunbit: patchcnn with about twice the channels",
    ),
)
