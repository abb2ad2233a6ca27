"""A network made ready to be asked hundreds of times, about one image or about many."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nunbit.backbone.fuse_conv_bn import fuse_conv_bn
from nunbit.backbone.graph import follow
from nunbit.inference import forward
from nunbit.models.mode import evaluation_mode

CLOSE = 1e-3
"""Fraction of the largest logit: what rounding may change; a network of other layers differs by far
more."""


class _ChannelsLast(nn.Module):
    """A network that is given images with the channels of a pixel side by side in memory."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, K]."""
        logits: Tensor = self.network(images.contiguous(memory_format=torch.channels_last))
        return logits


def optimize_for_inference(model: nn.Module, images: Tensor) -> nn.Module:
    """Make a model faster in evaluation mode, where it has batch normalisation.

    That is folded into the convolutions, and images come channels last: EfficientNet-lite0 needs
    half of the time for an answer or a gradient on a CPU. The model stays as it is, and is given
    back itself where it has no such layers, cannot be followed, or the faster one does not answer
    the same for the first of `images` [B, C, H, W].
    """
    if not any(isinstance(module, _BatchNorm) for module in model.modules()):
        return model
    followed = follow(model)
    if followed is None:
        return model
    faster = _ChannelsLast(fuse_conv_bn(followed))
    return faster if _same_answer(model, faster, images[:1].detach()) else model


def _same_answer(model: nn.Module, faster: nn.Module, image: Tensor) -> bool:
    with evaluation_mode(model), evaluation_mode(faster):
        expected = forward(model, image)
        try:
            found = forward(faster, image)
        except (TypeError, RuntimeError):  # its operations do not take such images
            return False
    if found.shape != expected.shape or not bool(torch.isfinite(expected).all()):
        return False
    return bool((found - expected).abs().max() <= CLOSE * expected.abs().max())
