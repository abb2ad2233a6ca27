"""The two networks of the course for Fashion-MNIST.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from torch import nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import (
    conv_bn_relu,
    dropout_probabilities,
    features_and_head,
    flat_features,
)


def fashion_dnn(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Two hidden layers of 256 and 128 units: [B, C, H, W] -> logits [B, K].

    The course's variants are `dropout` 0 (none), (0.25, 0) (after the first layer only) and 0.2
    (after both, its best and the default).
    """
    first, second = dropout_probabilities(dropout, (0.2, 0.2))
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(shape.channels * shape.height * shape.width, 256),
        nn.ReLU(),
        nn.Dropout(first),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Dropout(second),
        nn.Linear(128, classes),
    )


def fashion_cnn(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Two convolutions and three linear layers: [B, C, H, W] -> logits [B, K].

    As in the course, no activation stands between the linear layers.
    """
    (dropped,) = dropout_probabilities(dropout, (0.25,))
    features = nn.Sequential(
        *conv_bn_relu(shape.channels, 32, bias=True),
        nn.MaxPool2d(2),
        *conv_bn_relu(32, 64, padding=0, bias=True),
        nn.MaxPool2d(2),
    )
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(flat_features(features, shape), 600),
        nn.Dropout(dropped),
        nn.Linear(600, 120),
        nn.Linear(120, classes),
    )
    return features_and_head(features, head)


MODELS = (
    ModelInfo(
        name="fashion-dnn",
        build=fashion_dnn,
        input=Shape(1, 28, 28),
        min_size=1,
        dropouts=2,
        parameters=235_146,
        multiply_adds=234_752,
        source="course notes, Fashion-MNIST with linear layers",
    ),
    ModelInfo(
        name="fashion-cnn",
        build=fashion_cnn,
        input=Shape(1, 28, 28),
        min_size=8,
        dropouts=1,
        parameters=1_475_338,
        multiply_adds=4_335_600,
        source="course notes, Fashion-MNIST with convolutions",
    ),
)
