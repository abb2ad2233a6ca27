"""VGG16's convolutions with the heads of the course, and its relative for looking inside.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from torch import nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import (
    conv_bn_relu,
    conv_relu,
    draw_he_normal,
    dropout_probabilities,
    features_and_head,
)

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Output channels of the thirteen 3x3 convolutions; a pooling ends each group."""
XAI_DROPOUT = (0.3, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.5, 0.5)
"""Shares in order: one within the first and second group, two within each later one, the head."""


def vgg16_features(channels: int) -> nn.Sequential:
    """Simonyan and Zisserman 2014 (arXiv 1409.1556): [B, C, H, W] -> [B, 512, H / 32, W / 32].

    Layers and names are those of torchvision's `vgg16().features`: its pretrained weights fit.
    """
    layers: list[nn.Module] = []
    for group in VGG16:
        for width in group:
            layers += conv_relu(channels, width, 3, padding=1)
            channels = width
        layers += [nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


def vgg16_gap(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """VGG16, global average, one hidden layer: [B, C, H, W] -> logits [B, K].

    The average in place of the two layers of 4096 units saves 120 million parameters.
    """
    first, second = dropout_probabilities(dropout, (0.5, 0.5))
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(first),
        nn.Linear(512, 120),
        nn.ReLU(),
        nn.Dropout(second),
        nn.Linear(120, classes),
    )
    network = features_and_head(vgg16_features(shape.channels), head)
    draw_he_normal(network)
    return network


def vgg16_head(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:  # noqa: ARG001
    """VGG16 with the course's head for transfer: [B, C, H, W] -> logits [B, K]."""
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, 50),
        nn.ReLU(),
        nn.Linear(50, classes),
    )
    network = features_and_head(vgg16_features(shape.channels), head)
    draw_he_normal(network)
    return network


def xai_cnn(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Thirteen normalised convolutions, looked into by the course: [B, C, H, W] -> logits [B, K].

    The first convolution is not padded. `features.0`, `features.20` and `features.40` are the
    three that the course shows. It flattens maps of 1x1 pixel; the average over larger ones is the
    same there, and serves every size with the same parameters.
    """
    *between, before, behind = dropout_probabilities(dropout, XAI_DROPOUT)
    of_maps = iter(between)
    layers: list[nn.Module] = []
    channels = shape.channels
    for group in VGG16:
        for place, width in enumerate(group, start=1):
            layers += conv_bn_relu(channels, width, padding=1 if layers else 0)
            ends_group = place == len(group)
            layers += [nn.MaxPool2d(2) if ends_group else nn.Dropout(next(of_maps))]
            channels = width
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, 512, bias=False),
        nn.Dropout(before),
        nn.BatchNorm1d(512),
        nn.ReLU(),
        nn.Dropout(behind),
        nn.Linear(512, classes),
    )
    return features_and_head(nn.Sequential(*layers), head)


MODELS = (
    ModelInfo(
        name="vgg16-gap",
        build=vgg16_gap,
        input=Shape(3, 224, 224),
        min_size=32,
        dropouts=2,
        parameters=14_777_458,
        multiply_adds=15_346_693_296,
        source="Simonyan and Zisserman 2014 with the course notes' head",
    ),
    ModelInfo(
        name="vgg16-head",
        build=vgg16_head,
        input=Shape(3, 224, 224),
        min_size=32,
        parameters=14_740_848,
        multiply_adds=15_346_656_756,
        source="Simonyan and Zisserman 2014 with the course notes' head for transfer",
    ),
    ModelInfo(
        name="xai-cnn",
        build=xai_cnn,
        input=Shape(3, 64, 64),
        min_size=34,
        dropouts=len(XAI_DROPOUT),
        follows_data=True,
        parameters=14_983_106,
        multiply_adds=1_045_659_392,
        classes=2,
        source="course notes, explaining a network",
    ),
)
