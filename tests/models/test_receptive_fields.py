"""What each layer sees, held against the pixels that its gradient reaches."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from nunbit.models import create_model
from nunbit.models.info import Shape
from nunbit.models.summary.fields import Field
from nunbit.models.summary.layers import is_listed
from nunbit.models.summary.trace import Call, trace

SLOW = {
    *("cifar-wide", "keras-rgb-cnn", "keras-bn-cnn", "alexnet-small", "xai-cnn", "resnet50-keras"),
    *("torchvision/densenet121", "torchvision/mobilenet_v2", "timm/legacy_xception"),
}
"""Large ones, and those that have nothing which another does not have."""
CHECKED_LAYERS = 8
"""Of each network, evenly spaced: every one takes a backward pass."""
NETWORKS = {
    "smallcnn": Shape(1, 28, 28),
    "fashion-cnn": Shape(1, 28, 28),
    "mnist-cnn": Shape(1, 28, 28),
    "cifar-small": Shape(3, 32, 32),
    "cifar-wide": Shape(3, 32, 32),
    "keras-cnn": Shape(1, 28, 28),
    "keras-rgb-cnn": Shape(3, 32, 32),
    "keras-bn-cnn": Shape(3, 32, 32),
    "lenet5": Shape(1, 32, 32),
    "lenet5-1998": Shape(1, 32, 32),
    "alexnet": Shape(3, 227, 227),
    "alexnet-small": Shape(3, 256, 256),
    "xai-cnn": Shape(3, 64, 64),
    "googlenet-keras": Shape(3, 96, 128),
    "resnet50-keras": Shape(3, 96, 96),
    "torchvision/resnet18": Shape(3, 96, 128),
    "torchvision/squeezenet1_0": Shape(3, 96, 96),
    "torchvision/densenet121": Shape(3, 64, 64),
    "torchvision/shufflenet_v2_x1_0": Shape(3, 96, 96),
    "torchvision/mobilenet_v2": Shape(3, 96, 96),
    "torchvision/mobilenet_v3_small": Shape(3, 64, 64),
    "timm/convnext_atto": Shape(3, 64, 64),
    "timm/legacy_xception": Shape(3, 96, 96),
    "timm/efficientnet_lite0": Shape(3, 64, 64),
}


def transparent(model: nn.Module) -> nn.Module:
    """A copy whose gradients reach every pixel that can matter.

    All weights are positive, no activation cuts off, and pooling averages instead of choosing.
    """
    model = copy.deepcopy(model).double().eval()
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                size, step, padding = child.kernel_size, child.stride, child.padding
                pool = nn.AvgPool2d(size, step, padding, ceil_mode=child.ceil_mode)
                setattr(module, name, pool)
            elif type(child).__name__ in ("ReLU", "ReLU6", "Hardswish", "Hardsigmoid", "GELU"):
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:  # each output is a mean of its inputs: nothing overflows
                parameter.abs_().add_(1e-3)
                parameter.div_(parameter.flatten(1).sum(1).view(-1, *[1] * (parameter.dim() - 1)))
            else:
                parameter.abs_().add_(0.1)
    return model


def outputs(model: nn.Module, image: Tensor) -> dict[tuple[str, int], Tensor]:
    found: dict[tuple[str, int], Tensor] = {}
    turns: dict[str, int] = {}
    for name, module in model.named_modules():

        def keep(_: nn.Module, __: object, result: object, name: str = name) -> None:
            turns[name] = turns.get(name, 0) + 1
            if isinstance(result, Tensor):
                found[name, turns[name]] = result + 0

        module.register_forward_hook(keep)
    model(image)
    return found


def chosen(calls: list[Call]) -> list[Call]:
    """Some of the layers with maps, the last among them, and the first that sees everything."""
    listed = [c for c in calls if is_listed(c) and c.name and isinstance(c.output_field, Field)]
    maps = [c for c in listed if not _sees_all_of_a_direction(c)]
    everything = [c for c in listed if _sees_all_of_a_direction(c)][:1]
    step = max(1, len(maps) // CHECKED_LAYERS)
    return [*maps[::step], maps[-1], *everything]


def _sees_all_of_a_direction(call: Call) -> bool:
    field = call.output_field
    return isinstance(field, Field) and any(axis.whole for axis in field.axes)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in NETWORKS]
)
def test_fields_are_those_of_the_gradient(name: str) -> None:
    shape = NETWORKS[name]
    model = create_model(
        name,
        classes=4,
        channels=shape.channels,
        height=shape.height,
        width=shape.width,
        generator_seed=3,
    )
    calls = chosen(trace(model, [torch.zeros(1, *shape)]))
    image = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    results = outputs(transparent(model), image)
    checked = 0
    for call in calls:
        result = results.get((call.name, call.turn))
        if result is None:  # an activation that the copy passes over
            continue
        field = call.output_field
        assert isinstance(field, Field)
        middle = tuple(size // 2 for size in result.shape)
        (gradient,) = torch.autograd.grad(result[middle], image, retain_graph=True)
        touched = gradient[0].abs().amax(0) > 0
        for axis in range(2):
            rows = touched.amax(1 - axis).nonzero().flatten()
            seen = (int(rows[0]), int(rows[-1]))
            checked += expect(field, axis, middle, seen, shape[1 + axis], call.name)
    assert checked >= 4


def expect(
    field: Field, number: int, middle: tuple[int, ...], seen: tuple[int, int], size: int, name: str
) -> int:
    """Compare first and last pixel; where the field ends in the padding, the image's edge."""
    axis = field.axes[number]
    if axis.whole:
        assert seen[0] <= 0.1 * size
        assert seen[1] >= 0.9 * size - 1, name
        return 1
    if axis.dim is None or field.plain(axis.dim) is None:  # as after flattening
        return 0
    first = axis.first + middle[axis.dim] * axis.stride
    last = first + axis.extent - 1
    if first >= 0:
        assert seen[0] == first, name
    if last < size:
        assert seen[1] == last, name
    assert seen[0] >= first
    assert seen[1] <= last
    return 1
