"""The layer whose maps Grad-CAM weighs: the last that still knows places.

C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def grad_cam_layer(model: nn.Module, shape: Sequence[int]) -> str:
    """Name of the module, as `named_modules` has it; `shape` is (C, H, W) of an image.

    Raises UsageError, naming other methods, where the network has no maps.
    """
    raise NotImplementedError
