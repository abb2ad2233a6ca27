"""Formulas of the numbers of one layer, with the numbers put in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from nunbit.models.arithmetic import parameters_formula, size_formula, spread
from nunbit.models.summary.fields import Field
from nunbit.models.summary.trace import Call

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
POOLINGS = (
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    *(nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
)
ADAPTIVE = (
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
)
DIRECTIONS = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def explain(call: Call) -> Iterator[str]:
    """Formulae of a layer's output size, parameters, multiply-adds and receptive field."""
    module = call.module
    if isinstance(module, CONVOLUTIONS):
        yield from _sizes(call)
        yield "parameters: " + parameters_formula(
            module.kernel_size,
            module.in_channels,
            module.out_channels,
            bias=module.bias is not None,
            groups=module.groups,
        )
        yield _convolution_multiply_adds(call, module)
        yield from _receptive_field(call)
    elif isinstance(module, POOLINGS):
        yield from _sizes(call)
        yield "parameters: none"
        yield from _receptive_field(call)
    elif isinstance(module, ADAPTIVE) and call.outputs:
        yield from _adaptive_sizes(call)
        yield "parameters: none"
    elif isinstance(module, nn.Linear):
        yield from _linear(module, call.outputs[0][1:] if call.outputs else ())
    elif isinstance(module, nn.Flatten) and call.outputs:
        inside = "*".join(map(str, call.input_shape[1:]))
        yield f"size: {inside} = {math.prod(call.outputs[0][1:]):,}"
    else:
        yield from _own_parameters(module)


def _sizes(call: Call) -> Iterator[str]:
    """The output size in each direction, or once where all are alike."""
    numbers = _window(call.module)
    directions = len(numbers["kernel"])
    sizes = call.input_shape[-directions:]
    lines = []
    for index, size in enumerate(sizes):
        kernel, stride, padding, dilation = (
            numbers[name][index] for name in ("kernel", "stride", "padding", "dilation")
        )
        if numbers["same"]:
            lines.append(f"{size}, as padding 'same' keeps it")
            continue
        lines.append(
            size_formula(
                size,
                kernel,
                stride=stride,
                padding=padding,
                dilation=dilation,
                round_up=bool(getattr(call.module, "ceil_mode", False)),
            )
        )
    if len(set(lines)) == 1:
        name = "size" if directions == 1 else " and ".join(DIRECTIONS[directions])
        yield f"{name}: {lines[0]}"
        return
    for name, line in zip(DIRECTIONS[directions], lines, strict=True):
        yield f"{name}: {line}"


def _adaptive_sizes(call: Call) -> Iterator[str]:
    """Windows that follow from the sizes before and after."""
    sizes = zip(call.input_shape[2:], call.outputs[0][2:], strict=True)
    for size, wanted in dict.fromkeys(sizes):
        if wanted == 1:
            yield f"size: all {size} positions become 1"
        elif size == wanted:
            yield f"size: {size}, as it is"
        elif size % wanted == 0:
            yield f"size: windows of {size}/{wanted} = {size // wanted} positions"
        else:
            yield (
                f"size: window i of {wanted} goes from floor(i*{size}/{wanted}) "
                f"to ceil((i + 1)*{size}/{wanted})"
            )


def _window(module: nn.Module) -> dict[str, Any]:
    """Kernel, stride, padding and dilation of a convolution or pooling in each direction."""
    layer: Any = module
    directions = next(n for kind, n in _DIRECTIONS_OF.items() if isinstance(layer, kind))
    same = layer.padding == "same"
    padding = 0 if isinstance(layer.padding, str) else layer.padding
    stride = layer.kernel_size if layer.stride is None else layer.stride
    return {
        "kernel": spread(layer.kernel_size, directions),
        "stride": spread(stride, directions),
        "padding": spread(padding, directions),
        "dilation": spread(getattr(layer, "dilation", 1), directions),
        "same": same,
    }


_DIRECTIONS_OF = {
    **dict.fromkeys((nn.Conv1d, nn.MaxPool1d, nn.AvgPool1d), 1),
    **dict.fromkeys((nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d), 2),
    **dict.fromkeys((nn.Conv3d, nn.MaxPool3d, nn.AvgPool3d), 3),
}


def _convolution_multiply_adds(call: Call, module: Any) -> str:
    each = (*module.kernel_size, module.in_channels // module.groups)
    outputs = (*call.outputs[0][2:], module.out_channels)
    return _product("multiply-adds", outputs, each)


def _receptive_field(call: Call) -> Iterator[str]:
    """(receptive field before) + (kernel - 1) * (stride before), and the stride after."""
    field = call.input_field
    if not isinstance(field, Field):
        return
    numbers = _window(call.module)
    lines = []
    for axis, kernel in enumerate(numbers["kernel"]):
        if axis >= len(field.axes) or field.axes[axis].dim is None:
            return
        extent, before = field.axes[axis].extent, field.axes[axis].stride
        reach = numbers["dilation"][axis] * (kernel - 1) + 1
        after = extent + (reach - 1) * before
        stride = numbers["stride"][axis]
        lines.append(
            f"receptive field: {extent} + ({reach} - 1)*{before} = {after}; "
            f"stride: {before}*{stride} = {before * stride}"
        )
    yield from dict.fromkeys(lines)


def _linear(module: nn.Linear, outputs: Sequence[int]) -> Iterator[str]:
    inputs = module.in_features
    count = sum(p.numel() for p in module.parameters(recurse=False))
    each = f"({inputs} + 1)" if module.bias is not None else f"{inputs}"
    yield f"parameters: {each}*{module.out_features} = {count:,}"
    yield _product("multiply-adds", outputs, (inputs,))


def _own_parameters(module: nn.Module) -> Iterator[str]:
    """The parameters of any other module, tensor by tensor."""
    own = dict(module.named_parameters(recurse=False))
    if own:
        tensors = " + ".join(
            f"{name} {'*'.join(map(str, p.shape)) or '1'}" for name, p in own.items()
        )
        yield f"parameters: {tensors} = {sum(p.numel() for p in own.values()):,}"


def _product(name: str, outputs: Sequence[int], each: Sequence[int]) -> str:
    """So many outputs, each of so many products."""
    left, right = "*".join(map(str, outputs)), "*".join(map(str, each))
    return f"{name}: {left} * {right} = {math.prod(outputs) * math.prod(each):,}"
