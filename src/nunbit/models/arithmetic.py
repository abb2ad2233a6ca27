"""Convolution arithmetic: output sizes, parameters and multiply-adds, with their formulae.

The formulae of the course's notes, W pixels, filter F, padding P on each side, stride S, D input
channels and K filters: output (W - F + 2P)/S + 1, parameters (F*F*D + 1)*K. They hold for each
direction alone, and so for 1-D, 2-D and 3-D convolution and pooling alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nunbit.errors import UsageError


def output_size(
    size: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    round_up: bool = False,
) -> int:
    """Number of positions of a filter along one direction of `size` pixels.

    Where the stride does not divide, the rest of the pixels is left out, as PyTorch does;
    `round_up` is pooling's ceil_mode. `padding` is on each side. Raises UsageError if the filter
    does not fit or a number is impossible.
    """
    _check(size=size, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    way = size + 2 * padding - reach(kernel, dilation)
    if way < 0:
        raise UsageError(
            f"a filter of {reach(kernel, dilation)} pixels does not fit into {size} pixels with "
            f"{padding} of padding on each side",
            remedy="use a larger image, a smaller filter or more padding",
        )
    if not round_up:
        return way // stride + 1
    positions = math.ceil(way / stride) + 1
    # PyTorch drops a last position that would begin in the padding behind the image.
    return positions - 1 if (positions - 1) * stride >= size + padding else positions


def output_shape(
    sizes: Sequence[int],
    kernel: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
) -> tuple[int, ...]:
    """`output_size` along each direction of a 1-D, 2-D or 3-D input of these `sizes`.

    A single number stands for all directions. Raises UsageError as `output_size` does.
    """
    directions = len(sizes)
    numbers = [spread(n, directions) for n in (kernel, stride, padding, dilation)]
    return tuple(
        output_size(size, k, stride=s, padding=p, dilation=d)
        for size, k, s, p, d in zip(sizes, *numbers, strict=True)
    )


def convolution_parameters(
    kernel: Sequence[int], channels_in: int, filters: int, *, bias: bool = True, groups: int = 1
) -> int:
    """Weights and biases of a convolution; `kernel` has one, two or three sizes.

    A 2-D convolution over a 3-D input (an image with channels) has a two-number kernel: its
    filters reach through all channels. Raises UsageError if `groups` does not divide the channels.
    """
    _check(channels_in=channels_in, filters=filters, groups=groups)
    if channels_in % groups or filters % groups:
        raise UsageError(f"{groups} groups do not divide {channels_in} channels, {filters} filters")
    return (math.prod(kernel) * (channels_in // groups) + bias) * filters


def convolution_multiply_adds(
    out_sizes: Sequence[int], kernel: Sequence[int], channels_in: int, filters: int, groups: int = 1
) -> int:
    """Multiplications (each with its addition) of a convolution for one image."""
    return math.prod(out_sizes) * filters * math.prod(kernel) * (channels_in // groups)


def size_formula(
    size: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    round_up: bool = False,
) -> str:
    """The output size with the numbers put in: `(227 - 11 + 0)/4 + 1 = 55`.

    Where the stride does not divide, what floor (or ceil) makes of it: `(7 - 3 + 0)/3 + 1 = 2.33,
    floor gives 2: the last pixel is never read`. Raises UsageError as `output_size` does.
    """
    result = output_size(
        size, kernel, stride=stride, padding=padding, dilation=dilation, round_up=round_up
    )
    filter_ = f"({dilation}*({kernel} - 1) + 1)" if dilation > 1 else f"{kernel}"
    formula = f"({size} - {filter_} + {f'2*{padding}' if padding else 0})/{stride} + 1"
    way = size + 2 * padding - reach(kernel, dilation)
    rest = way % stride
    if not rest:
        return f"{formula} = {result}"
    exact = f"{formula} = {way / stride + 1:.2f}"
    if result > way // stride + 1:
        return f"{exact}, ceil gives {result}: the last position reaches beyond the edge"
    return f"{exact}, floor gives {result}: {_left_out(rest, padding)}"


def parameters_formula(
    kernel: Sequence[int], channels_in: int, filters: int, *, bias: bool = True, groups: int = 1
) -> str:
    """The parameters with the numbers put in: `(11*11*3 + 1)*96 = 34,944`."""
    count = convolution_parameters(kernel, channels_in, filters, bias=bias, groups=groups)
    weights = "*".join(map(str, (*kernel, channels_in // groups)))
    each = f"({weights} + 1)" if bias else weights
    return f"{each}*{filters} = {count:,}"


def reach(kernel: int, dilation: int) -> int:
    """Pixels from the first to the last that a filter of `kernel` pixels reads."""
    return dilation * (kernel - 1) + 1


def spread(value: int | Sequence[int], directions: int) -> tuple[int, ...]:
    """One number for each direction."""
    if isinstance(value, int):
        return (value,) * directions
    if len(value) not in (1, directions):
        raise UsageError(f"{len(value)} numbers are given for {directions} directions")
    return tuple(value) * (directions if len(value) == 1 else 1)


def _left_out(rest: int, padding: int) -> str:
    """Rows at the far side that the filter never reads: padding comes before any pixel."""
    pixels = rest - padding
    if pixels <= 0:
        return "only padding is left out"
    return f"the last {'pixel is' if pixels == 1 else f'{pixels} pixels are'} never read"


def _check(**numbers: int) -> None:
    for name, number in numbers.items():
        least = 0 if name == "padding" else 1
        if number < least:
            raise UsageError(f"{name.replace('_', ' ')} is at least {least}, not {number}")
