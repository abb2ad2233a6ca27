"""The default network for small images.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import (
    average_head,
    conv_bn_relu,
    dropout_probabilities,
    features_and_head,
)

WIDTHS = (64, 128, 256)


def smallcnn(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Stages of two 3x3 convolutions with a halving between them: [B, C, H, W] -> logits [B, K].

    Three stages up to 32 pixels and one more for each doubling beyond, so that the last maps
    measure 1 to 4 pixels whatever the size. VGG's stacks of 3x3 convolutions (arXiv 1409.1556) with
    batch normalisation and global average pooling; as in the CIFAR-10 speed records (Jordan 2024,
    arXiv 2404.00498) the maps are halved right after a stage's first convolution, so that all else
    is computed on a quarter of the pixels.
    """
    (dropped,) = dropout_probabilities(dropout, (0.0,))
    widths = stage_widths(min(shape.height, shape.width))
    layers: list[nn.Module] = []
    for channels_in, channels_out in pairwise((shape.channels, *widths)):
        convolution, *normalised = conv_bn_relu(channels_in, channels_out)
        layers += [convolution, nn.MaxPool2d(2), *normalised]
        layers += conv_bn_relu(channels_out, channels_out)
    head = average_head(widths[-1], classes, dropped=dropped)
    return features_and_head(nn.Sequential(*layers), head)


def stage_widths(side: int) -> tuple[int, ...]:
    """Output channels of each stage for images whose shorter side has `side` pixels."""
    stages = 3
    while side > 32 * 2 ** (stages - 3):
        stages += 1
    return tuple(WIDTHS[min(stage, len(WIDTHS) - 1)] for stage in range(stages))


MODELS = (
    ModelInfo(
        name="smallcnn",
        build=smallcnn,
        input=Shape(1, 28, 28),
        min_size=8,
        dropouts=1,
        follows_data=True,
        parameters=1_147_722,
        multiply_adds=49_114_624,
        source="nunbit's default for images up to 64 pixels",
    ),
)
