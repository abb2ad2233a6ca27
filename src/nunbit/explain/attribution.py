"""Which pixels of an image a class rests on, as one map per image.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

Method: TypeAlias = Literal["grad-cam", "integrated-gradients", "occlusion", "gradients"]
Maps: TypeAlias = NDArray[np.float32]
"""[B, H, W], in the images' own pixels."""
Explainer: TypeAlias = Callable[[nn.Module, Tensor, Tensor], Maps]
"""(model, images [B, C, H, W], targets int64 [B]) -> maps; `explainer` makes one."""


@dataclass(frozen=True, kw_only=True)
class MethodInfo:
    """What is known of a method before it is used."""

    name: Method
    title: str
    """For a page's heading: Grad-CAM."""
    what: str
    """One sentence for readers: what a value of the map means."""
    signed: bool
    """True if values below zero speak against the class; else no value is below zero."""
    source: str


METHODS: dict[Method, MethodInfo] = {}
"""By name, in the order in which they are shown."""


def attribute(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    method: Method,
    layer: str | None = None,
    baseline: Tensor | None = None,
) -> Maps:
    """Maps [B, H, W] of what speaks for class targets[i] (int64 [B]) in images[i] (float32).

    `images` [B, C, H, W] are normalised as the network wants them, on its device. `layer` is for
    Grad-CAM: a module's name, by default `targets.grad_cam_layer`. `baseline` [C, H, W] is the
    image without evidence that integrated gradients and occlusion compare with: zeros by default,
    which after normalisation is the mean colour of the training data.

    Raises UsageError if captum is missing, the method or layer is unknown, or does not suit.
    """
    raise NotImplementedError


def explainer(
    method: Method, *, layer: str | None = None, baseline: Tensor | None = None
) -> Explainer:
    """`attribute` with its settings filled in, as `sanity.check_attribution` takes it."""
    raise NotImplementedError


def passes(method: Method, *, height: int, width: int) -> int:
    """How many times one image goes through the network, backward passes counted as two more."""
    raise NotImplementedError
