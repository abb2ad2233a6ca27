"""First filters that whiten what they see: uncorrelated outputs of variance one from the start.

N images, C channels, H height, W width, k side of a patch, D = C k k values of a patch, F filters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nunbit.errors import UsageError

WHITENING_IMAGES = 2000
"""Images that the statistics are taken from; the patches of so many are far more than needed."""
NOISE_VARIANCE = 0.01
"""Added to each direction's variance: directions that hold little but noise are not blown up."""


def whiten_first_layer(model: nn.Module, images: Tensor) -> None:
    """Give the first convolution the whitening directions of the images' patches, and freeze it.

    The filters are the directions of greatest variance, each divided by its standard deviation,
    and their negatives, so that a ReLU behind them loses nothing; filters beyond 2 D keep what was
    drawn. As in the CIFAR-10 speed record (Jordan 2024, arXiv 2404.00498, section 3.2), after
    Coates and Ng 2012. Frozen, the layer costs no backward pass.

    Args:
        model: on the CPU.
        images: float32 [N, C, H, W], normalised as the network gets them; training images only.

    Raises:
        UsageError: when no convolution of the network takes the images as they are.
    """
    layer = _first_convolution(model, channels=images.shape[1])
    size = layer.kernel_size
    with torch.no_grad():
        # Padding adds zeros that are not part of an image.
        patches = F.unfold(images, size, stride=layer.stride).transpose(1, 2).flatten(0, 1)
        variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
        whitening = (directions / (variances + NOISE_VARIANCE).sqrt()).T.flip(0)  # largest first
        whitening = whitening[: max(layer.out_channels // 2, 1)].view(-1, *layer.weight.shape[1:])
        filters = torch.cat([whitening, -whitening])[: layer.out_channels]
        layer.weight[: len(filters)] = filters
    layer.weight.requires_grad_(False)


def _first_convolution(model: nn.Module, *, channels: int) -> nn.Conv2d:
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            if module.groups == 1 and module.in_channels == channels:
                return module
            break
    raise UsageError(
        f"the network does not begin with a convolution on {channels} channel(s), which whitening "
        "needs",
        remedy="take another model.initialisation",
    )
