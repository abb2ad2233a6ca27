"""One pass of images through a frozen network, once per view.

n images, B images in a batch, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from nunbit.types import Batch

View: TypeAlias = Literal[
    "centre", "mirror", "upper-left", "upper-right", "lower-left", "lower-right"
]
VIEWS: tuple[View, ...] = get_args(View)
Pool: TypeAlias = Callable[[Tensor], Tensor]
"""[B, ...] -> [B, D]; usually `cut.pooled`."""


def extract(
    module: nn.Module, batches: Iterable[Batch], *, pool: Pool | None = None, view: View = "centre"
) -> NDArray[np.float32]:
    """What a module makes of every image, float32 [n, ...], in the order of the batches.

    In evaluation mode, float32, without gradients; each module gets its mode back. Raises
    ValueError if there is no image at all.
    """
    raise NotImplementedError


def extract_several(
    module: nn.Module, batches: Iterable[Batch], *, pools: tuple[Pool, ...], view: View = "centre"
) -> tuple[NDArray[np.float32], ...]:
    """As `extract`, for a module that returns several tensors (`pieces.taps`), in one pass."""
    raise NotImplementedError


def stream(
    module: nn.Module, batches: Iterable[Batch], *, pool: Pool | None = None, view: View = "centre"
) -> Iterator[NDArray[np.float32]]:
    """As `extract`, batch by batch: float32 [B, ...] each, for what does not fit in memory."""
    raise NotImplementedError


def view_of(images: Tensor, view: View) -> Tensor:
    """[B, C, H, W] seen otherwise: mirrored, or a corner's 7/8 enlarged to the whole."""
    raise NotImplementedError
