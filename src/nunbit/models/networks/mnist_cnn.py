"""The convolutional network of the course for MNIST.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from torch import nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import dropout_probabilities, features_and_head, flat_features


def mnist_cnn(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Two 5x5 convolutions, pooled before the ReLU: [B, C, H, W] -> logits [B, K].

    The first dropout drops whole channels of the second convolution, the other single units.
    """
    of_channels, of_units = dropout_probabilities(dropout, (0.5, 0.5))
    features = nn.Sequential(
        nn.Conv2d(shape.channels, 10, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(10, 20, 5),
        nn.Dropout2d(of_channels),
        nn.MaxPool2d(2),
        nn.ReLU(),
    )
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(flat_features(features, shape), 50),
        nn.ReLU(),
        nn.Dropout(of_units),
        nn.Linear(50, classes),
    )
    return features_and_head(features, head)


MODELS = (
    ModelInfo(
        name="mnist-cnn",
        build=mnist_cnn,
        input=Shape(1, 28, 28),
        min_size=16,
        dropouts=2,
        parameters=21_840,
        multiply_adds=480_500,
        source="course notes, MNIST with convolutions",
    ),
)
