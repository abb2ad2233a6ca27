"""The networks of the course for CIFAR-10.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from torch import nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import (
    conv_relu,
    dropout_probabilities,
    features_and_head,
    flat_features,
)
from nunbit.models.networks.lenet import lenet5


def cifar_wide(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Three 5x5 convolutions and four linear layers: [B, C, H, W] -> logits [B, K].

    The poolings are padded, so that 32 pixels still leave something for the third convolution:
    the maps measure 28, 15, 11, 6, 2 and 2 pixels.
    """
    of_maps, of_units = dropout_probabilities(dropout, (0.5, 0.5))
    features = nn.Sequential(
        *conv_relu(shape.channels, 32, 5),
        nn.MaxPool2d(2, padding=1),
        *conv_relu(32, 64, 5),
        nn.MaxPool2d(2, padding=1),
        *conv_relu(64, 128, 5),
        nn.Dropout(of_maps),
        nn.MaxPool2d(2, padding=1),
    )
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(flat_features(features, shape), 256),
        nn.ReLU(),
        nn.Dropout(of_units),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, 84),
        nn.ReLU(),
        nn.Linear(84, classes),
    )
    return features_and_head(features, head)


MODELS = (
    ModelInfo(
        name="cifar-small",
        build=lenet5,
        input=Shape(3, 32, 32),
        min_size=16,
        parameters=62_006,
        multiply_adds=651_720,
        source="course notes, CIFAR-10: LeNet-5 on colour images",
    ),
    ModelInfo(
        name="cifar-wide",
        build=cifar_wide,
        input=Shape(3, 32, 32),
        min_size=26,
        dropouts=2,
        parameters=434_534,
        multiply_adds=9_071_432,
        source="course notes, CIFAR-10 with wide layers",
    ),
)
