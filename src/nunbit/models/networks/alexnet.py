"""AlexNet as its paper's table has it, and the course's smaller one for photographs.

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


def alexnet(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Five convolutions and three linear layers: [B, C, H, W] -> logits [B, K].

    Krizhevsky et al. 2012 on one processor: no convolution is divided between two, and there is no
    local response normalisation. On 227x227 pixels the maps measure 55, 27, 27, 13, 13, 13, 13
    and 6 pixels. The paper's dropout of 0.5 in both wide layers is not in the course's table and
    off by default.
    """
    first, second = dropout_probabilities(dropout, (0.0, 0.0))
    features = nn.Sequential(
        *conv_relu(shape.channels, 96, 11, stride=4),
        nn.MaxPool2d(3, 2),
        *conv_relu(96, 256, 5, padding=2),
        nn.MaxPool2d(3, 2),
        *conv_relu(256, 384, 3, padding=1),
        *conv_relu(384, 384, 3, padding=1),
        *conv_relu(384, 256, 3, padding=1),
        nn.MaxPool2d(3, 2),
    )
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(flat_features(features, shape), 4096),
        nn.ReLU(),
        nn.Dropout(first),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(second),
        nn.Linear(4096, classes),
    )
    return features_and_head(features, head)


def alexnet_small(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """Torchvision's AlexNet with a smaller head: [B, C, H, W] -> logits [B, K].

    Narrower than the paper's (Krizhevsky 2014, arXiv 1404.5997). `features` has the layers and
    names of torchvision's, so that its pretrained weights fit. On 256x256 pixels the maps measure
    63, 31, 31, 15, 15, 15, 15, 7 and, whatever the image, at last 6 pixels.
    """
    first, second = dropout_probabilities(dropout, (0.5, 0.5))
    features = nn.Sequential(
        *conv_relu(shape.channels, 64, 11, stride=4, padding=2),
        nn.MaxPool2d(3, 2),
        *conv_relu(64, 192, 5, padding=2),
        nn.MaxPool2d(3, 2),
        *conv_relu(192, 384, 3, padding=1),
        *conv_relu(384, 256, 3, padding=1),
        *conv_relu(256, 256, 3, padding=1),
        nn.MaxPool2d(3, 2),
    )
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(6),
        nn.Flatten(),
        nn.Dropout(first),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(),
        nn.Dropout(second),
        nn.Linear(4096, 512),
        nn.ReLU(),
        nn.Linear(512, classes),
    )
    return features_and_head(features, head)


MODELS = (
    ModelInfo(
        name="alexnet",
        build=alexnet,
        input=Shape(3, 227, 227),
        min_size=67,
        dropouts=2,
        parameters=62_378_344,
        multiply_adds=1_135_256_096,
        classes=1000,
        source="Krizhevsky et al. 2012; torchvision's narrower one is torchvision/alexnet",
    ),
    ModelInfo(
        name="alexnet-small",
        build=alexnet_small,
        input=Shape(3, 256, 256),
        min_size=63,
        dropouts=2,
        parameters=42_321_218,
        multiply_adds=908_349_120,
        classes=2,
        source="Krizhevsky 2014 with the course notes' head for cats and dogs",
    ),
)
