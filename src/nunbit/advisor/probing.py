"""Features to judge a backbone by: of each of its stages, of an untrained copy, of raw pixels.

n images, D features.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nunbit.advisor.inputs import Images
from nunbit.backbone.extract import extract_several
from nunbit.backbone.pieces import multi_extractor
from nunbit.backbone.split_points import SplitPoint, find_split_points
from nunbit.models.mode import evaluation_mode

PIXEL_SIDE = 16
"""Raw pixels are judged on canvases of at most so many pixels a side."""
SETTLING_IMAGES = 32
"""Images from which an untrained copy takes the statistics of its batch normalisation."""


def stage_features(
    network: nn.Module, split_points: tuple[SplitPoint, ...], images: Images
) -> tuple[NDArray[np.float32], ...]:
    """Features at each split point, [n, D], averaged over all places, in one pass."""
    return extract_several(
        multi_extractor(network, split_points),
        images.batches(),
        pools=tuple(split_point.pooled for split_point in split_points),
    )


def untrained_features(network: nn.Module, images: Images) -> tuple[NDArray[np.float32], ...]:
    """The same of a network with random weights, whose batch normalisation is settled first.

    Without statistics of the data, activations of a deep random network die out or run away, and
    the comparison would flatter the pretrained one.
    """
    settle_statistics(network, images)
    return stage_features(network, find_split_points(network, images.shape), images)


def settle_statistics(network: nn.Module, images: Images) -> None:
    """Give batch normalisation the statistics of some images, in place, weights as they are."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    first = images.take(np.arange(min(SETTLING_IMAGES, len(images))))
    pictures = torch.cat([batch.images for batch in first.batches()])
    with evaluation_mode(network), torch.no_grad():
        for norm in norms:
            norm.train()
            norm.reset_running_stats()
            norm.momentum = None  # of torch: the plain mean over all batches seen
        network(pictures)


def pixel_features(images: Images) -> NDArray[np.float32]:
    """[n, D] canvases of at most 16 x 16 pixels, flattened, scaled to 0..1."""
    height, width = (min(PIXEL_SIDE, side) for side in images.shape[1:])
    small = images.resized(height, width)
    (canvases,) = small.pixels.stream([small.rows])
    return np.asarray(canvases.numpy().reshape(len(images), -1) / np.float32(255), np.float32)
