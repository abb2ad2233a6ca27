"""LeNet-5 in its modern and its historic form, and the course's enlarged one for photographs.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import conv_relu, features_and_head, flat_features

C3_SEES = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)),
)
"""Maps of S2, of six, that each of the sixteen maps of C3 sees (LeCun et al. 1998, table I)."""


def lenet5(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:  # noqa: ARG001
    """Two 5x5 convolutions and three linear layers: [B, C, H, W] -> logits [B, K].

    LeCun et al. 1998, with ReLU and max pooling instead of sigmoids and trainable averages. On
    32x32 pixels the maps measure 28, 14, 10 and 5 pixels.
    """
    features = nn.Sequential(
        *conv_relu(shape.channels, 6, 5),
        nn.MaxPool2d(2),
        *conv_relu(6, 16, 5),
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


def lenet5_1998(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:  # noqa: ARG001
    """LeNet-5 as published, layer by layer: [B, C, H, W] -> logits [B, K].

    LeCun et al. 1998, section II.B. C5 is a convolution whose 120 maps measure 1x1 on an image of
    32x32. The output layer is linear: the published one compares F6 with drawn 7x12 bitmaps of the
    ten digits, which other classes do not have.
    """
    features = nn.Sequential(
        nn.Conv2d(shape.channels, 6, 5),  # C1
        ScaledTanh(),
        Subsampling(6),  # S2
        ScaledTanh(),
        PartialConv(C3_SEES, 5),  # C3
        ScaledTanh(),
        Subsampling(16),  # S4
        ScaledTanh(),
        nn.Conv2d(16, 120, 5),  # C5
        ScaledTanh(),
    )
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(flat_features(features, shape), 84),  # F6
        ScaledTanh(),
        nn.Linear(84, classes),
    )
    return features_and_head(features, head)


class ScaledTanh(nn.Module):
    """1.7159 tanh(2 x / 3), any shape: it maps 1 to 1 and -1 to -1."""

    def forward(self, values: Tensor) -> Tensor:
        """Elementwise; the shape stays."""
        return 1.7159 * torch.tanh(values * (2 / 3))


class Subsampling(nn.Module):
    """Mean of 2x2 pixels, times a trainable number, plus another, for each map.

    The paper sums the four pixels instead: its trainable factor is a quarter of this one.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = nn.AvgPool2d(2)
        self.factor = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H / 2, W / 2]."""
        scaled: Tensor = self.mean(maps) * self.factor + self.bias
        return scaled


class PartialConv(nn.Module):
    """A convolution in which each output map sees some of the input maps only."""

    def __init__(self, sees: tuple[tuple[int, ...], ...], kernel: int) -> None:
        super().__init__()
        self.sees = sees
        self.maps = nn.ModuleList(nn.Conv2d(len(seen), 1, kernel) for seen in sees)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, Cin, H, W] -> [B, number of output maps, H', W']."""
        pairs = zip(self.maps, self.sees, strict=True)
        return torch.cat([one(maps[:, list(seen)]) for one, seen in pairs], dim=1)


def lenet_224(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:  # noqa: ARG001
    """Two 5x5 convolutions and two linear layers: [B, C, H, W] -> logits [B, K].

    On 224x224 pixels the maps measure 220, 110, 106 and 53 pixels, and nearly all parameters stand
    in the first linear layer.
    """
    features = nn.Sequential(
        *conv_relu(shape.channels, 16, 5),
        nn.MaxPool2d(2),
        *conv_relu(16, 32, 5),
        nn.MaxPool2d(2),
    )
    head = nn.Sequential(
        nn.Flatten(),
        nn.Linear(flat_features(features, shape), 512),
        nn.ReLU(),
        nn.Linear(512, classes),
    )
    return features_and_head(features, head)


MODELS = (
    ModelInfo(
        name="lenet5",
        build=lenet5,
        input=Shape(1, 32, 32),
        min_size=16,
        parameters=61_026,
        multiply_adds=415_848,
        classes=2,
        source="LeCun et al. 1998, with ReLU and max pooling as in the course notes",
    ),
    ModelInfo(
        name="lenet5-1998",
        build=lenet5_1998,
        input=Shape(1, 32, 32),
        min_size=32,
        parameters=60_850,
        multiply_adds=326_520,
        source="LeCun et al. 1998 as published, with a linear output layer",
    ),
    ModelInfo(
        name="lenet-224",
        build=lenet_224,
        input=Shape(3, 224, 224),
        min_size=16,
        parameters=46_038_242,
        multiply_adds=247_924_480,
        classes=2,
        source="course notes, LeNet on photographs of cats and dogs",
    ),
)
