"""Gradients of convolutions on small maps as one matrix product: several times faster on a CPU.

B images in a batch, C channels in and O out, H height, W width of the maps that come out, k height
and l width of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

MAX_POSITIONS = 36
"""H times W of the maps that come out up to which the product is faster than oneDNN's kernel."""


class FastConvWeightGrad(TorchFunctionMode):
    """Inside, convolutions in bfloat16 on small maps get their weights' gradient as a product.

    oneDNN's kernels for matrix units multiply tiles of sixteen neighbouring pixels of a row, and
    maps of three pixels fill a fifth of them: 256 kernels of 3x3 on 256 maps of 3x3, 128 images,
    took 6.9 ms for the weights' gradient, and 1.3 ms as a product of all patches with the output's
    gradient (two cores with AMX). At 7x7 pixels both take as long. Values differ only by the order
    in which products are added up.

    Remove when oneDNN's own gradient takes at most as long there: compare `benchmarks/step.py` with
    `MAX_POSITIONS` 36 and 0.

    For the forward pass: the backward pass follows from it. All other functions, devices, types and
    layouts are left alone.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Called by torch for each of its functions in place of it."""
        if func is torch.conv2d:
            return _convolve(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


@contextmanager
def fast_conv_weight_grad(device_type: str, dtype: torch.dtype | None) -> Iterator[None]:
    """Inside, a forward pass in a narrow type, or as it is where `dtype` is None."""
    if dtype is None:
        yield
        return
    with torch.autocast(device_type, dtype=dtype):
        if device_type != "cpu":
            yield
            return
        with FastConvWeightGrad():
            yield


def _convolve(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """A convolution as torch does it; the arguments are its own."""
    plain = (input, weight, bias, stride, padding, dilation, groups)
    steps, zeros, spread = (_pair(value) for value in (stride, padding, dilation))
    if (
        steps is None
        or zeros is None
        or spread != (1, 1)
        or groups != 1
        or not weight.requires_grad
        or input.device.type != "cpu"
        or _computed_in(input) is not torch.bfloat16
        or not input.is_contiguous(memory_format=torch.channels_last)
        or _positions(input, weight, steps, zeros) > MAX_POSITIONS
    ):
        return torch.conv2d(*plain)
    narrow = None if bias is None else bias.bfloat16()
    output: Tensor = _Convolution.apply(input.bfloat16(), weight.bfloat16(), narrow, steps, zeros)
    return output


def _pair(value: Any) -> tuple[int, int] | None:
    """Height and width of a setting; None for what is none, such as "same"."""
    if isinstance(value, int):
        return value, value
    return None if isinstance(value, str) or len(value) != 2 else (value[0], value[1])


def _computed_in(maps: Tensor) -> torch.dtype:
    if torch.is_autocast_enabled(maps.device.type):
        return torch.get_autocast_dtype(maps.device.type)
    return maps.dtype


def _positions(maps: Tensor, weight: Tensor, steps: tuple[int, int], zeros: tuple[int, int]) -> int:
    """Pixels of a map that comes out."""
    sides = zip(maps.shape[-2:], weight.shape[-2:], steps, zeros, strict=True)
    height, width = ((side + 2 * zero - kernel) // step + 1 for side, kernel, step, zero in sides)
    return height * width


class _Convolution(torch.autograd.Function):
    """Convolution of maps [B, C, h, w] with kernels [O, C, k, l], channels last, bfloat16."""

    @staticmethod
    def forward(
        ctx: Any,
        maps: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        steps: tuple[int, int],
        zeros: tuple[int, int],
    ) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.steps, ctx.zeros = steps, zeros
        return torch.conv2d(maps, weight, bias, steps, zeros)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight = ctx.saved_tensors
        of_maps, of_weight, of_bias = ctx.needs_input_grad[:3]
        maps_gradient = None
        if of_maps:
            maps_gradient = torch.ops.aten.convolution_backward(
                gradient, maps, weight, None, ctx.steps, ctx.zeros, (1, 1), False, (0, 0), 1,
                (True, False, False),
            )[0]  # fmt: skip
        rows = gradient.permute(0, 2, 3, 1).reshape(-1, len(weight))  # [B H W, O]
        weight_gradient = None
        if of_weight:
            outputs, channels, height, width = weight.shape
            patches = _patches(maps, (height, width), ctx.steps, ctx.zeros)
            product = (rows.T @ patches).view(outputs, height, width, channels)
            weight_gradient = product.permute(0, 3, 1, 2)
        bias_gradient = rows.sum(dim=0) if of_bias else None
        return maps_gradient, weight_gradient, bias_gradient, None, None


def _patches(
    maps: Tensor, kernel: tuple[int, int], steps: tuple[int, int], zeros: tuple[int, int]
) -> Tensor:
    """Patch that each output sees: [B, C, h, w] to [B H W, k l C], channels last."""
    (down, right), (height, width) = zeros, kernel
    padded = F.pad(maps.permute(0, 2, 3, 1), (0, 0, right, right, down, down))
    windows = padded.unfold(1, height, steps[0]).unfold(2, width, steps[1])  # [B, H, W, C, k, l]
    return windows.permute(0, 1, 2, 4, 5, 3).reshape(-1, height * width * maps.shape[1])
