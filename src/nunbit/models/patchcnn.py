"""A network that is quick to train: it looks at overlapping patches, and at half the size at once.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from nunbit.models.blocks import conv_bn_relu, features_and_head, shares
from nunbit.models.info import Dropout, ModelInfo, Shape

WIDTHS = (32, 64, 128, 256)


def patchcnn(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Patches of 4x4 at every second pixel, then stages: [B, C, H, W] -> logits [B, K].

    `smallcnn` without what is dear in it: one convolution with stride 2, made to be drawn by
    `nunbit.models.whitening`, takes the place of the maps of full size, and each stage has one
    convolution, halved at once. Three stages up to 32 pixels and one more for each doubling beyond.
    """
    (share,) = shares(dropout, (0.0,))
    layers: list[nn.Module] = [
        nn.Conv2d(shape.channels, WIDTHS[0], 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(WIDTHS[0]),
        nn.ReLU(),
    ]
    for channels_in, channels_out in pairwise(stage_widths(min(shape.height, shape.width))):
        convolution, *normalised = conv_bn_relu(channels_in, channels_out)
        layers += [convolution, nn.MaxPool2d(2), *normalised]
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(share), nn.Linear(WIDTHS[-1], classes)
    )
    return features_and_head(nn.Sequential(*layers), head)


def stage_widths(side: int) -> tuple[int, ...]:
    """Channels after the patches and after each stage, for a shorter side of `side` pixels."""
    widths: tuple[int, ...] = WIDTHS
    while side > 32:
        widths, side = (*widths, WIDTHS[-1]), side // 2
    return widths


MODELS = (
    ModelInfo(
        name="patchcnn",
        build=patchcnn,
        input=Shape(1, 28, 28),
        dropouts=1,
        least_size=16,
        follows_data=True,
        parameters=391_114,
        multiply_adds=9_982_464,
        source="nunbit: smallcnn on patches, quick to train",
    ),
)
