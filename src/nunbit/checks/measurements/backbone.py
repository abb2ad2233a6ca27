"""A pretrained network as a source of features: what its head sees.

B images in a batch, H height, W width, C channels, D features.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nunbit.backbone.fuse_conv_bn import fuse_conv_bn
from nunbit.backbone.pieces import feature_extractor
from nunbit.backbone.split_points import find_split_points
from nunbit.chunks import chunks
from nunbit.data.batches import inference_batch_size
from nunbit.errors import UsageError
from nunbit.inference import forward
from nunbit.models import create_model
from nunbit.models.catalog import model_info
from nunbit.models.pretrained import Weights, WeightsInput, find_weights

PREFERRED = "efficientnet-lite0"
"""Backbone that `auto` takes where it is on this machine."""
SMALLEST_SIDE = 65
"""Images of fewer pixels a side show too little to a network trained on photographs."""
MAX_IMAGES = 5_000
"""`auto` takes own features for more: at 30 images a second, as one processor core manages, these
take three minutes."""


def choose_backbone(wanted: str, *, height: int, width: int, images: int) -> str | None:
    """The weights that `auto`, `none` or a name asks for; None for own features.

    `auto` takes `efficientnet-lite0` where its weights are on this machine, both sides of the
    canvas have more than 64 pixels, and there are at most 5,000 images.
    """
    if wanted == "none":
        return None
    if wanted != "auto":
        return wanted
    worthwhile = min(height, width) >= SMALLEST_SIDE and images <= MAX_IMAGES
    return PREFERRED if worthwhile and find_weights(PREFERRED).here() is not None else None


class Backbone:
    """A pretrained network, called with canvases as `EmbeddingObserver` wants it."""

    def __init__(self, name: str, *, device: torch.device | str = "cpu") -> None:
        """Load the weights `name`, as `nunbit.models.pretrained.find_weights` takes them.

        Raises:
            UsageError: for an unknown name, weights that say neither their network nor the input
                that they want, or a network in which `find_split_points` finds no head.
            WeightsError: when they are missing or damaged.
        """
        weights = find_weights(name)
        self.name = weights.name
        architecture, self.input = _known(weights)
        self._device = torch.device(device)
        shape = self.input.channels, self.input.height, self.input.width
        network = create_model(
            architecture,
            classes=len(weights.classes) or model_info(architecture).classes,
            channels=shape[0],
            height=shape[1],
            width=shape[2],
            pretrained=name,
        )
        network = network.eval().to(self._device).to(memory_format=torch.channels_last)
        self._cut = find_split_points(network, shape)[-1]
        self._body = fuse_conv_bn(feature_extractor(network, self._cut))

    def __call__(self, canvases: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute the input of the head: uint8 [B, H, W, C] to float32 [B, D]."""
        size = inference_batch_size(self.input.height, self.input.width, self._device)
        return np.concatenate([self._features(part) for part in chunks(canvases, size)])

    def _features(self, canvases: NDArray[np.uint8]) -> NDArray[np.float32]:
        values = self._cut.pooled(forward(self._body, self._prepared(canvases)))
        return np.asarray(values.cpu().numpy(), dtype=np.float32)

    def _prepared(self, canvases: NDArray[np.uint8]) -> Tensor:
        """uint8 [B, H, W, C] to float32 [B, C', H', W'], as the weights want it."""
        want = self.input
        images = torch.from_numpy(np.array(canvases)).to(self._device).permute(0, 3, 1, 2)
        images = images.to(torch.float32) / 255
        if images.shape[1] != want.channels:
            grey = images.mean(dim=1, keepdim=True)
            images = grey.expand(-1, want.channels, -1, -1)
        if images.shape[2:] != (want.height, want.width):
            images = nn.functional.interpolate(
                images, (want.height, want.width), mode="bilinear", antialias=True
            )
        mean = torch.tensor(want.mean, device=self._device).view(1, -1, 1, 1)
        std = torch.tensor(want.std, device=self._device).view(1, -1, 1, 1)
        return (images - mean) / std


def _known(weights: Weights) -> tuple[str, WeightsInput]:
    if weights.architecture is None or weights.input is None:
        raise UsageError(
            f"the weights {weights.name} do not say which network and which input they are for",
            remedy=f"give weights by name, such as {PREFERRED}, or a run's folder; or none",
        )
    return weights.architecture, weights.input
