"""One pass of images through a frozen network, once per view.

n images, B images in a batch, C channels, H height, W width, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from nunbit.backbone.fuse_conv_bn import fuse_conv_bn
from nunbit.models.mode import evaluation_mode
from nunbit.types import Batch

View: TypeAlias = Literal[
    "centre", "mirror", "upper-left", "upper-right", "lower-left", "lower-right"
]
VIEWS: tuple[View, ...] = get_args(View)
CORNER_FRACTION = 7 / 8
"""Fraction of each side that the view of a corner shows."""
Pool: TypeAlias = Callable[[Tensor], Tensor]
"""[B, ...] -> [B, D]; usually `split_point.pooled`."""


def extract(
    module: nn.Module, batches: Iterable[Batch], *, pool: Pool | None = None, view: View = "centre"
) -> NDArray[np.float32]:
    """Extract a module's output for every image, float32 [n, ...], in order of the batches.

    In evaluation mode and float32, even inside somebody's autocast, without gradients; each module
    gets its mode back. Raises ValueError if there is no image at all.
    """
    return _joined(list(stream(module, batches, pool=pool, view=view)))


def extract_several(
    module: nn.Module,
    batches: Iterable[Batch],
    *,
    pools: Sequence[Pool | None],
    view: View = "centre",
) -> tuple[NDArray[np.float32], ...]:
    """Features from a module that returns several tensors, as `extract`, in one pass.

    That is what `pieces.multi_extractor` makes; `pools` has one entry for each tensor.
    """
    columns: list[list[NDArray[np.float32]]] = [[] for _ in pools]
    for values in _passes(fuse_conv_bn(module) if all(pools) else module, batches, view):
        for column, value, pool in zip(columns, values, pools, strict=True):
            column.append(_to_host(value, pool))
    return tuple(_joined(column) for column in columns)


def stream(
    module: nn.Module, batches: Iterable[Batch], *, pool: Pool | None = None, view: View = "centre"
) -> Iterator[NDArray[np.float32]]:
    """Features batch by batch, float32 [B, ...] each: `extract` for what does not fit in memory."""
    # What is not pooled may be trained on from: to the last bit what the network itself gives.
    for values in _passes(fuse_conv_bn(module) if pool else module, batches, view):
        yield _to_host(values, pool)


def view_of(images: Tensor, view: View) -> Tensor:
    """[B, C, H, W] as they are, mirrored left to right, or a corner's 7/8 enlarged to the whole.

    On normalised images too: normalising and each of these can change places.
    """
    if view == "centre":
        return images
    if view == "mirror":
        return images.flip(-1)
    size = images.shape[-2:]
    height, width = (max(1, round(CORNER_FRACTION * side)) for side in size)
    vertical, horizontal = view.split("-")
    rows = slice(0, height) if vertical == "upper" else slice(size[0] - height, None)
    columns = slice(0, width) if horizontal == "left" else slice(size[1] - width, None)
    corner = images[..., rows, columns]
    return F.interpolate(corner, size=tuple(size), mode="bilinear", align_corners=False)


def _passes(module: nn.Module, batches: Iterable[Batch], view: View) -> Iterator[Any]:
    """Yield the module's output for each batch."""
    with evaluation_mode(module):
        for batch in batches:
            images = view_of(batch.images, view)
            # As in inference.forward; but a piece of a network may return several tensors.
            with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
                values = module(images)
            yield values


def _to_host(values: Tensor, pool: Pool | None) -> NDArray[np.float32]:
    with torch.no_grad():
        wanted = values if pool is None else pool(values)
        # A pooled map in channels-last memory would keep its gaps: NumPy gets it row by row.
        return wanted.float().contiguous().cpu().numpy()


def _joined(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    if sum(map(len, parts)) == 0:
        raise ValueError("nothing to extract: the batches hold no image")
    return np.concatenate(parts)
