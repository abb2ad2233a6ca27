"""ResNet50 as the course builds it in Keras: biases in all convolutions, a hidden layer on top.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from torch import Tensor, nn

from nunbit.models.info import Dropout, ModelInfo, Shape
from nunbit.models.networks.blocks import dropout_probabilities, features_and_head

STAGES = ((3, 64, 256), (4, 128, 512), (6, 256, 1024), (3, 512, 2048))
"""Blocks, inner and outer channels (He et al. 2015, arXiv 1512.03385, table 1)."""


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution beside a shortcut: [B, Cin, H, W] -> [B, Cout, H', W'].

    The first of a stage changes channels and size, and so its shortcut is a projection; in the
    others it is the input itself. The stride stands in the first 1x1 convolution, as in the paper.
    """

    def __init__(self, channels_in: int, inner: int, outer: int, *, stride: int = 1) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels_in, inner, 1, stride=stride),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 3, padding=1),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, outer, 1),
            nn.BatchNorm2d(outer),
        )
        self.shortcut: nn.Module = nn.Identity()
        if channels_in != outer or stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, outer, 1, stride=stride), nn.BatchNorm2d(outer)
            )
        self.relu = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """ReLU of residual plus shortcut."""
        joined: Tensor = self.relu(self.residual(maps) + self.shortcut(maps))
        return joined


def resnet50_keras(shape: Shape, classes: int, dropout: Dropout = None) -> nn.Module:
    """A stem, sixteen bottlenecks, the average, one hidden layer: [B, C, H, W] -> logits [B, K].

    On 224x224 pixels the maps measure 112, then 56, 28, 14 and 7 pixels in the four stages.
    """
    first, second = dropout_probabilities(dropout, (0.5, 0.5))
    layers: list[nn.Module] = [
        nn.ZeroPad2d(3),
        nn.Conv2d(shape.channels, 64, 7, stride=2),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ZeroPad2d(1),
        nn.MaxPool2d(3, 2),
    ]
    channels = 64
    for stage, (blocks, inner, outer) in enumerate(STAGES):
        for block in range(blocks):
            stride = 2 if block == 0 and stage > 0 else 1
            layers += [Bottleneck(channels, inner, outer, stride=stride)]
            channels = outer
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(first),
        nn.Linear(channels, 200),
        nn.ReLU(),
        nn.Dropout(second),
        nn.Linear(200, classes),
    )
    return features_and_head(nn.Sequential(*layers), head)


MODELS = (
    ModelInfo(
        name="resnet50-keras",
        build=resnet50_keras,
        input=Shape(3, 224, 224),
        min_size=1,
        dropouts=2,
        parameters=23_946_402,
        multiply_adds=3_856_336_848,
        source="He et al. 2015, as the course notes build it in Keras",
    ),
)
