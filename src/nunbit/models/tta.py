"""Answers from an image and its mirror image.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from torch import Tensor, nn


class HorizontalFlipTTA(nn.Module):
    """A network whose logits are means over an image and its mirror image, left and right swapped.

    Test-time augmentation, as in the CIFAR-10 speed record (Jordan 2024, arXiv 2404.00498). The
    network itself sees the image first, and its mirror image in a second pass.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """[B, C, H, W] -> logits [B, K]."""
        logits: Tensor = (self.network(images) + self.network(images.flip(-1))) / 2
        return logits
