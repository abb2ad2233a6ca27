"""The convolutional networks of the course's part in Keras.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import (
    SamePad,
    conv_bn_relu,
    conv_relu,
    draw_he_normal,
    dropout_probabilities,
    features_and_head,
    flat_features,
)


def keras_cnn(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Three convolutions, one pooling, three linear layers: [B, C, H, W] -> logits [B, K].

    The optional dropout before the first linear layer, 0.5 in the course, is off by default.
    """
    (dropped,) = dropout_probabilities(dropout, (0.0,))
    features = nn.Sequential(
        *conv_relu(shape.channels, 16, 3, padding=1),
        SamePad(4),
        *conv_relu(16, 32, 4),
        *conv_relu(32, 64, 4),
        nn.MaxPool2d(2),
    )
    head = nn.Sequential(
        nn.Flatten(),
        nn.Dropout(dropped),
        nn.Linear(flat_features(features, shape), 50),
        nn.ReLU(),
        nn.Linear(50, 20),
        nn.ReLU(),
        nn.Linear(20, classes),
    )
    return features_and_head(features, head)


def keras_rgb_cnn(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Three stages of two convolutions and two linear layers: [B, C, H, W] -> logits [B, K]."""
    first, second = dropout_probabilities(dropout, (0.5, 0.5))
    features = nn.Sequential(
        *conv_relu(shape.channels, 32, 5),
        *conv_relu(32, 32, 3, padding=1),
        nn.MaxPool2d(2),
        *conv_relu(32, 64, 3, padding=1),
        *conv_relu(64, 64, 3, padding=1),
        nn.MaxPool2d(2),
        *conv_relu(64, 128, 3, padding=1),
        *conv_relu(128, 128, 3, padding=1),
        nn.MaxPool2d(2),
    )
    head = nn.Sequential(
        nn.Flatten(),
        nn.Dropout(first),
        nn.Linear(flat_features(features, shape), 300),
        nn.ReLU(),
        nn.Dropout(second),
        nn.Linear(300, classes),
    )
    return features_and_head(features, head)


def keras_bn_cnn(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Three stages with batch normalisation, then the average: [B, C, H, W] -> logits [B, K].

    He-normal weights before a ReLU, Glorot-normal ones in the output layer. The course also puts
    an L2 penalty of 1e-5 on the weights of `head.3`; that is a matter of training.
    """
    first, second = dropout_probabilities(dropout, (0.5, 0.5))
    layers: list[nn.Module] = []
    for channels_in, channels_out in pairwise((shape.channels, 64, 128, 256)):
        layers += conv_bn_relu(channels_in, channels_out, bias=True)
        layers += conv_bn_relu(channels_out, channels_out, bias=True)
        layers += [nn.MaxPool2d(2)]
    output = nn.Linear(300, classes)
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(first),
        nn.Linear(256, 300),
        nn.ReLU(),
        nn.Dropout(second),
        output,
    )
    network = features_and_head(nn.Sequential(*layers), head)
    draw_he_normal(network)
    nn.init.xavier_normal_(output.weight)
    return network


MODELS = (
    ModelInfo(
        name="keras-cnn",
        build=keras_cnn,
        input=Shape(1, 28, 28),
        min_size=5,
        dropouts=1,
        parameters=503_296,
        multiply_adds=27_477_424,
        source="course notes, MNIST with convolutions in Keras",
    ),
    ModelInfo(
        name="keras-rgb-cnn",
        build=keras_rgb_cnn,
        input=Shape(3, 32, 32),
        min_size=12,
        dropouts=2,
        parameters=637_454,
        multiply_adds=31_131_576,
        source="course notes, CIFAR-10 in Keras",
    ),
    ModelInfo(
        name="keras-bn-cnn",
        build=keras_bn_cnn,
        input=Shape(3, 32, 32),
        min_size=8,
        dropouts=2,
        parameters=1_227_310,
        multiply_adds=152_844_216,
        source="course notes, CIFAR-10 in Keras with batch normalisation",
    ),
)
