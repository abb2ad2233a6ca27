"""LeNet-5 in its modern form, which is also the course's small network for CIFAR-10.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from torch import nn

from nunbit.models.blocks import features_and_head, flat_features
from nunbit.models.info import Dropout, Shape


def lenet5(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:  # noqa: ARG001
    """Two 5x5 convolutions and three linear layers: [B, C, H, W] -> logits [B, K].

    LeCun et al. 1998, with ReLU and max pooling instead of sigmoids and trainable averages. On
    32x32 pixels the maps measure 28, 14, 10 and 5 pixels.
    """
    features = nn.Sequential(
        nn.Conv2d(shape.channels, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(flat_features(features, shape), 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, classes),
    )
    return features_and_head(features, head)
