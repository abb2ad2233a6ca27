"""Feature maps: the outputs of a layer for an image, one for each of its channels.

B images in a batch, C channels of the layer, H height, W width of the image, h and w of the maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from nunbit.explain.layers import Layer, activations, layer_named


@dataclass(frozen=True, kw_only=True)
class FeatureMaps:
    """Outputs of one layer for one image."""

    layer: Layer
    maps: NDArray[np.float32]
    """[C, h, w]; [C, 1, 1] of a layer that knows no places."""
    strength: NDArray[np.float32]
    """[C], mean of each map with values below zero counted as zero, as a ReLU would leave them."""

    @property
    def order(self) -> NDArray[np.int64]:
        """[C], channels with the strongest first; of equals the lower number first."""
        return np.asarray(np.argsort(-self.strength, kind="stable"), dtype=np.int64)

    @property
    def silent(self) -> int:
        """Number of channels that are nowhere above zero."""
        return int((self.strength == 0).sum())


def feature_maps_of(
    model: nn.Module, images: Tensor, layers: Sequence[Layer | str]
) -> list[tuple[FeatureMaps, ...]]:
    """Compute the maps of each layer for each of the normalised images [B, C, H, W].

    The model's modes are given back, and no hook stays. Raises UsageError for an unknown layer.
    """
    shape = tuple(images.shape[1:])
    wanted = [
        layer_named(model, shape, layer) if isinstance(layer, str) else layer for layer in layers
    ]
    columns = []
    for layer, values in zip(wanted, activations(model, images, wanted), strict=True):
        maps = layer.maps(values).cpu()
        columns.append((layer, maps.numpy(), maps.clamp(min=0).mean(dim=(2, 3)).numpy()))
    return [
        tuple(
            FeatureMaps(layer=layer, maps=np.ascontiguousarray(maps[i]), strength=strength[i])
            for layer, maps, strength in columns
        )
        for i in range(len(images))
    ]
