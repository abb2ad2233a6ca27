"""Convolution arithmetic against torch's own layers, in one, two and three directions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from nunbit.errors import UsageError
from nunbit.models.arithmetic import (
    convolution_multiply_adds,
    convolution_parameters,
    output_shape,
    output_size,
    parameters_formula,
    size_formula,
)

CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


@given(
    size=st.integers(1, 60),
    kernel=st.integers(1, 11),
    stride=st.integers(1, 5),
    padding=st.integers(0, 5),
    dilation=st.integers(1, 3),
)
def test_sizes_are_those_of_torch(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    assume(size + 2 * padding >= dilation * (kernel - 1) + 1)
    layer = nn.Conv1d(
        1, 1, kernel, stride=stride, padding=padding, dilation=dilation, device="meta"
    )
    expected = layer(torch.empty(1, 1, size, device="meta")).shape[-1]
    found = output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
    assert found == expected
    formula = size_formula(size, kernel, stride=stride, padding=padding, dilation=dilation)
    assert f"= {found}" in formula or f"floor gives {found}:" in formula


@given(
    size=st.integers(1, 60),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 5),
    padding=st.integers(0, 3),
)
def test_pooling_that_rounds_up_is_torchs(
    size: int, kernel: int, stride: int, padding: int
) -> None:
    assume(padding <= kernel // 2)
    assume(size + 2 * padding >= kernel)
    pool = nn.MaxPool1d(kernel, stride=stride, padding=padding, ceil_mode=True)
    expected = pool(torch.zeros(1, 1, size)).shape[-1]
    found = output_size(size, kernel, stride=stride, padding=padding, round_up=True)
    assert found == expected


@given(
    directions=st.integers(1, 3),
    kernel=st.integers(1, 4),
    channels=st.sampled_from([1, 2, 4, 6]),
    filters=st.sampled_from([2, 4, 6]),
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
)
def test_parameters_are_those_of_torch(
    directions: int, kernel: int, channels: int, filters: int, groups: int, bias: bool
) -> None:
    assume(channels % groups == 0)
    layer = CONVOLUTIONS[directions](channels, filters, kernel, groups=groups, bias=bias)
    expected = sum(p.numel() for p in layer.parameters())
    sizes = (kernel,) * directions
    assert convolution_parameters(sizes, channels, filters, bias=bias, groups=groups) == expected
    formula = parameters_formula(sizes, channels, filters, bias=bias, groups=groups)
    product, _, count = formula.partition(" = ")
    assert eval(product) == expected == int(count.replace(",", ""))


@pytest.mark.parametrize(
    ("sizes", "kernel", "expected"),
    [((100,), 5, (48,)), ((32, 20), (5, 3), (14, 9)), ((8, 16, 16), 3, (3, 7, 7))],
)
def test_shapes_in_all_directions(
    sizes: tuple[int, ...], kernel: int | tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert output_shape(sizes, kernel, stride=2) == expected
    layer = CONVOLUTIONS[len(sizes)](1, 1, kernel, stride=2)
    assert tuple(layer(torch.zeros(1, 1, *sizes)).shape[2:]) == expected


def test_the_formulae_of_the_notes() -> None:
    assert size_formula(227, 11, stride=4) == "(227 - 11 + 0)/4 + 1 = 55"
    assert size_formula(27, 5, padding=2) == "(27 - 5 + 2*2)/1 + 1 = 27"
    assert parameters_formula((11, 11), 3, 96) == "(11*11*3 + 1)*96 = 34,944"
    assert parameters_formula((3, 3), 64, 64, bias=False) == "3*3*64*64 = 36,864"
    assert convolution_multiply_adds((55, 55), (11, 11), 3, 96) == 105_415_200


def test_what_floor_does_where_the_stride_does_not_divide() -> None:
    assert size_formula(7, 3, stride=3) == (
        "(7 - 3 + 0)/3 + 1 = 2.33, floor gives 2: the last pixel is never read"
    )
    assert size_formula(8, 3, stride=3) == (
        "(8 - 3 + 0)/3 + 1 = 2.67, floor gives 2: the last 2 pixels are never read"
    )
    # torchvision's first convolution: 3 pixels of padding, of which the last is left out.
    assert size_formula(224, 7, stride=2, padding=3) == (
        "(224 - 7 + 2*3)/2 + 1 = 112.50, floor gives 112: only padding is left out"
    )
    assert size_formula(7, 2, stride=2, round_up=True) == (
        "(7 - 2 + 0)/2 + 1 = 3.50, ceil gives 4: the last position reaches beyond the edge"
    )
    assert "(2*(3 - 1) + 1)" in size_formula(9, 3, dilation=2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 4, "kernel": 5}, "a filter of 5 pixels does not fit into 4 pixels"),
        ({"size": 4, "kernel": 3, "stride": 0}, "stride is at least 1, not 0"),
        ({"size": 4, "kernel": 3, "padding": -1}, "padding is at least 0, not -1"),
        ({"size": 0, "kernel": 3}, "size is at least 1, not 0"),
    ],
)
def test_impossible_numbers_are_named(wrong: dict[str, int], message: str) -> None:
    numbers = dict(wrong)
    with pytest.raises(UsageError, match=message):
        output_size(numbers.pop("size"), numbers.pop("kernel"), **numbers)  # type: ignore[arg-type]


def test_groups_divide_the_channels() -> None:
    with pytest.raises(UsageError, match="2 groups do not divide 3 channels"):
        convolution_parameters((3, 3), 3, 4, groups=2)
    with pytest.raises(UsageError, match="3 numbers are given for 2 directions"):
        output_shape((8, 8), (3, 3, 3))
