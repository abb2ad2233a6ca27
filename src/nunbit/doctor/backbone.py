"""A pretrained network as a source of features: what its last layer sees.

B images in a batch, H height, W width, C channels, D features.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nunbit.errors import UsageError
from nunbit.models import create_model
from nunbit.models.catalog import model_info
from nunbit.models.pretrained import Weights, WeightsInput, find_weights

PREFERRED = "efficientnet-lite0"
"""What `auto` takes where it is on this machine."""
SMALLEST_SIDE = 65
"""Images of fewer pixels a side show too little to a network trained on photographs."""
MOST_IMAGES = 5_000
"""`auto` takes own features for more: at 30 images a second, as one processor core manages, these
take three minutes."""
_AT_ONCE = 32


def choose_backbone(wanted: str, *, height: int, width: int, images: int) -> str | None:
    """The weights that `auto`, `none` or a name asks for; None for own features.

    `auto` takes `efficientnet-lite0` where its weights are on this machine, both sides of the
    canvas have more than 64 pixels, and there are at most 5,000 images.
    """
    if wanted == "none":
        return None
    if wanted != "auto":
        return wanted
    worthwhile = min(height, width) >= SMALLEST_SIDE and images <= MOST_IMAGES
    return PREFERRED if worthwhile and find_weights(PREFERRED).here() is not None else None


class Backbone:
    """A pretrained network, called with canvases as `EmbeddingObserver` wants it."""

    def __init__(self, name: str, *, device: torch.device | str = "cpu") -> None:
        """Load the weights `name`, as `nunbit.models.pretrained.find_weights` takes them.

        Raises:
            UsageError: for an unknown name, weights that say neither their network nor the input
                that they want, or a network that does not end in a linear layer.
            WeightsError: when they are missing or damaged.
        """
        weights = find_weights(name)
        self.name = weights.name
        architecture, self.input = _known(weights)
        self._device = torch.device(device)
        network = create_model(
            architecture,
            classes=len(weights.classes) or model_info(architecture).classes,
            channels=self.input.channels,
            height=self.input.height,
            width=self.input.width,
            pretrained=name,
        )
        self._network = network.eval().to(self._device)
        self._last = _last_linear(network, weights)

    def __call__(self, canvases: NDArray[np.uint8]) -> NDArray[np.float32]:
        """From uint8 [B, H, W, C] to float32 [B, D]: the input of the last linear layer."""
        parts = [canvases[i : i + _AT_ONCE] for i in range(0, len(canvases), _AT_ONCE)]
        return np.concatenate([self._features(part) for part in parts])

    @torch.inference_mode()
    def _features(self, canvases: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen: list[Tensor] = []

        def keep(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            seen.append(inputs[0])

        handle = self._last.register_forward_pre_hook(keep)
        try:
            self._network(self._prepared(canvases))
        finally:
            handle.remove()
        return np.asarray(seen[-1].flatten(1).float().cpu().numpy(), dtype=np.float32)

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


def _last_linear(network: nn.Module, weights: Weights) -> nn.Linear:
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise UsageError(
            f"{weights.name} does not end in a linear layer, whose input could describe an image",
            remedy=f"choose other weights for --backbone, such as {PREFERRED}, or none",
        )
    return layers[-1]
