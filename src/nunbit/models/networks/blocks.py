"""Pieces that several networks share.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nunbit.models.info import Dropout, Shape
from nunbit.models.mode import evaluation_mode


def conv_bn_relu(
    channels_in: int, channels_out: int, *, padding: int = 1, bias: bool = False
) -> tuple[nn.Module, nn.Module, nn.Module]:
    """3x3 convolution, batch normalisation, ReLU: [B, Cin, H, W] -> [B, Cout, H', W']."""
    return (
        nn.Conv2d(channels_in, channels_out, 3, padding=padding, bias=bias),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


def conv_relu(
    channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, padding: int = 0
) -> tuple[nn.Module, nn.Module]:
    """Convolution with biases, ReLU: [B, Cin, H, W] -> [B, Cout, H', W']."""
    return (
        nn.Conv2d(channels_in, channels_out, kernel, stride=stride, padding=padding),
        nn.ReLU(),
    )


class SamePad(nn.Module):
    """Zeros around a map, so that the layer behind it yields ceil(size / stride) in each direction.

    This is "same" padding of Keras and TensorFlow: where the zeros do not divide evenly, the
    right and the lower side get one more. Before max pooling it stands behind a ReLU only, because
    zeros must not be larger than the values.
    """

    def __init__(self, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.kernel = kernel
        self.stride = stride

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H + zeros, W + zeros]."""
        height, width = (self._zeros(size) for size in maps.shape[2:])
        return F.pad(maps, (*_halves(width), *_halves(height)))

    def extra_repr(self) -> str:
        """Settings as they appear in the network's printed form."""
        return f"kernel={self.kernel}, stride={self.stride}"

    def _zeros(self, size: int) -> int:
        outputs = -(-size // self.stride)
        return max((outputs - 1) * self.stride + self.kernel - size, 0)


def _halves(zeros: int) -> tuple[int, int]:
    return zeros // 2, zeros - zeros // 2


def draw_he_normal(network: nn.Module) -> None:
    """Draw all convolutions and linear layers as He et al. 2015 (arXiv 1502.01852): biases 0.

    Deep plain networks need it: torch's own draw lets the signal fade with each ReLU.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def flat_features(features: nn.Module, shape: Shape) -> int:
    """Number of values that `features` makes of one image of `shape`.

    Raises RuntimeError where the image is too small for a layer.
    """
    # In earnest: it takes milliseconds, and torch's first pass on its "meta" device takes seconds.
    image = next(features.parameters()).new_zeros((1, *shape))
    with evaluation_mode(features), torch.no_grad():
        maps = features(image)
    return int(maps.numel())


def features_and_head(features: nn.Module, head: nn.Module) -> nn.Sequential:
    """The network "features, then head", with its two parts under these names."""
    return nn.Sequential(OrderedDict(features=features, head=head))


def average_head(channels: int, classes: int, *, dropped: float) -> nn.Sequential:
    """Maps [B, C, h, w] to logits [B, K]: global average pooling, dropout, one linear layer."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropped), nn.Linear(channels, classes)
    )


def dropout_probabilities(dropout: Dropout, published: tuple[float, ...]) -> tuple[float, ...]:
    """The probability of each dropout layer: as published, one for all, or one for each."""
    if dropout is None:
        return published
    if isinstance(dropout, tuple):
        return dropout
    return (dropout,) * len(published)
