"""Resampling: affine maps, whole-pixel translations, resized windows and borders.

B images in a batch, C channels, H height, W width; places are in pixels.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

BORDERS = ("reflect", "wrap", "constant", "replicate")
BORDER_MEANING = (
    "what shows beyond the border: its mirror image, the opposite side, one grey level (fill), or "
    "the border's own pixels"
)
FILL_MEANING = "grey level of a constant border"


def warp(
    images: Tensor,
    matrices: Tensor,
    *,
    border: str,
    fill: float = 0.0,
    mode: Literal["bilinear", "nearest"] = "bilinear",
) -> Tensor:
    """Warp each image by its own affine map.

    Args:
        images: uint8 [B, C, H, W].
        matrices: float32 [B, 2, 3], from a place (x, y) of the result to the place in the image
            that it shows, both measured from the centre in pixels.
        border: one of `BORDERS`; reflect repeats the border's pixel (cba|abc|cba).
        fill: grey level of a constant border.
        mode: how to take values between pixels.

    Returns:
        uint8 [B, C, H, W].
    """
    height, width = images.shape[2:]
    half = matrices.new_tensor([width / 2, height / 2])
    # affine_grid and grid_sample measure both sides of an image as 2.
    theta = torch.cat((matrices[:, :, :2] * half, matrices[:, :, 2:]), dim=2) / half[:, None]
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    values = images.to(torch.float32)
    if border == "wrap":
        values = F.pad(values, (1, 1, 1, 1), mode="circular")
        inner = grid.new_tensor([width / (width + 2), height / (height + 2)])
        grid = ((grid + 1).remainder(2) - 1) * inner
    if border == "constant":
        values = values - fill
    padding = {"reflect": "reflection", "constant": "zeros"}.get(border, "border")
    sampled = F.grid_sample(values, grid, mode=mode, padding_mode=padding, align_corners=False)
    if border == "constant":
        sampled = sampled + fill
    return sampled.round_().clamp_(0, 255).to(torch.uint8)


def affine_matrices(degrees: Tensor, scale: Tensor, shift: Tensor | None = None) -> Tensor:
    """Affine maps for `warp` that rotate, then scale, then shift what is seen.

    Args:
        degrees: [B], counter-clockwise.
        scale: [B], more than 1 enlarges.
        shift: [B, 2], to the right and down, in pixels; None does not shift.

    Returns:
        float32 [B, 2, 3].
    """
    angle = torch.deg2rad(degrees)
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    turn = torch.stack((cosine, -sine, sine, cosine), dim=1).view(-1, 2, 2)
    moved = torch.zeros_like(turn[:, :, :1]) if shift is None else -turn @ shift[:, :, None]
    return torch.cat((turn, moved), dim=2)


def translate(
    images: Tensor, down: Tensor, right: Tensor, *, border: str, fill: float = 0.0
) -> Tensor:
    """Translate each image by its own whole number of pixels.

    Args:
        images: uint8 [B, C, H, W].
        down: int64 [B].
        right: int64 [B].
        border: one of `BORDERS`.
        fill: grey level of a constant border.
    """
    batch, channels, height, width = images.shape
    rows = torch.arange(height, device=images.device) - down[:, None]
    columns = torch.arange(width, device=images.device) - right[:, None]
    places = border_index(rows, height, border)[:, :, None] * width
    places = (places + border_index(columns, width, border)[:, None, :]).view(batch, 1, -1)
    moved = images.reshape(batch, channels, -1).gather(2, places.expand(-1, channels, -1))
    moved = moved.view(images.shape)
    if border != "constant":
        return moved
    inside = _within(rows, height)[:, :, None] & _within(columns, width)[:, None, :]
    return moved.where(inside[:, None], torch.full_like(moved[:1, :1, :1, :1], round(fill)))


def border_index(places: Tensor, side: int, border: str) -> Tensor:
    """Index 0 to side − 1 of the pixel that each whole place shows, also beyond the border."""
    if border == "wrap":
        return places.remainder(side)
    if border == "reflect":
        there = places.remainder(2 * side)
        return torch.minimum(there, 2 * side - 1 - there)
    return places.clamp(0, side - 1)


def _within(places: Tensor, side: int) -> Tensor:
    return (places >= 0) & (places < side)


def resize_weights(start: Tensor, length: Tensor, *, side: int, out: int) -> Tensor:
    """Weights that resize a window of a side to `out` pixels, bilinearly and antialiased.

    The triangle filter of Pillow and torch: each new pixel averages the old ones below it, and
    nothing outside the window counts.

    Args:
        start: [B], first pixel of the window.
        length: [B], its pixels, at least 1.
        side: pixels of the whole side.
        out: pixels of the result.

    Returns:
        float32 [B, out, side]; each row sums to 1.
    """
    start, length = start.float()[:, None, None], length.float()[:, None, None]
    scale = length / out
    centre = start + scale * (torch.arange(out, device=start.device)[:, None] + 0.5)
    pixel = torch.arange(side, device=start.device) + 0.5
    weights = (1 - (pixel - centre).abs() / scale.clamp(min=1)).clamp(min=0)
    weights = weights * ((pixel > start) & (pixel < start + length))
    return weights / weights.sum(dim=2, keepdim=True)


def resample_rows_and_columns(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Replace rows and columns of each image by weighted sums of them.

    Args:
        images: uint8 [B, C, H, W].
        rows: float32 [B, H, H].
        columns: float32 [B, W, W].

    Returns:
        uint8 [B, C, H, W].
    """
    values = rows[:, None] @ images.to(torch.float32) @ columns[:, None].transpose(2, 3)
    return values.round_().clamp_(0, 255).to(torch.uint8)
