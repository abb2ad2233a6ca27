"""The product gives what torch's own kernels give, wherever it steps in, and steps in nowhere else.

The truth is the same convolution in float64. Maps, weights and gradients are whole numbers of at
most one, so that every sum stays below 256, up to which bfloat16 holds whole numbers exactly: the
order in which a processor adds them up does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from nunbit.models import create_model
from nunbit.training.speedups import conv_weight_grad
from nunbit.training.speedups.conv_weight_grad import FastConvWeightGrad, fast_conv_weight_grad

LAYERS = {
    "3x3": (nn.Conv2d(8, 16, 3, padding=1, bias=False), 5),
    "with biases": (nn.Conv2d(8, 16, 3), 6),
    "stride": (nn.Conv2d(8, 16, 3, stride=2, padding=1), 11),
    "1x1": (nn.Conv2d(8, 16, 1), 4),
    "oblong": (nn.Conv2d(8, 16, (1, 5), stride=(2, 1), padding=(0, 2)), 6),
    "unused border": (nn.Conv2d(8, 16, 4, stride=3), 8),
    "mirrored border": (nn.Conv2d(8, 16, 3, padding=1, padding_mode="reflect"), 5),
}
ALONE = {
    "large maps": (nn.Conv2d(8, 16, 3), 12),
    "groups": (nn.Conv2d(8, 16, 3, groups=2), 5),
    "dilation": (nn.Conv2d(8, 16, 3, dilation=2), 8),
    "named padding": (nn.Conv2d(8, 16, 3, padding="same"), 5),
}


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """Shapes of the maps whose patches were multiplied."""
    seen: list[torch.Size] = []
    patches = conv_weight_grad._patches

    def watched(maps: Tensor, *rest: tuple[int, int]) -> Tensor:
        seen.append(maps.shape)
        return patches(maps, *rest)

    monkeypatch.setattr(conv_weight_grad, "_patches", watched)
    return seen


@contextmanager
def narrow() -> Iterator[None]:
    with torch.autocast("cpu", torch.bfloat16), FastConvWeightGrad():
        yield


def whole_numbers(*shape: int, seed: int) -> Tensor:
    """-1, 0 or 1 each."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-1, 2, shape, generator=generator).float()


def maps_of(side: int) -> Tensor:
    maps = whole_numbers(6, 8, side, side, seed=0)
    return maps.to(memory_format=torch.channels_last).requires_grad_()


def gradients(layer: nn.Conv2d, maps: Tensor) -> list[Tensor]:
    """Of weights, of biases if there are any, and of the maps, each [..] as torch lays them out."""
    output = layer(maps)
    shape = output.shape
    wanted = whole_numbers(*shape, seed=1).to(output.dtype)
    return list(torch.autograd.grad(output, [*layer.parameters(), maps], wanted))


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_the_convolution(name: str, products: list[torch.Size]) -> None:
    layer, side = LAYERS[name]
    for number, parameter in enumerate(layer.parameters()):
        parameter.data = whole_numbers(*parameter.shape, seed=2 + number)
    maps = maps_of(side)
    with narrow():
        found = gradients(layer, maps)
    assert len(products) == 1
    truth = gradients(_doubled(layer), maps.detach().double().requires_grad_())
    for mine, true in zip(found, truth, strict=True):
        assert mine.dtype == torch.float32
        assert 0 < true.abs().max() <= 256
        assert torch.equal(mine.double(), true)


@pytest.mark.parametrize("name", ALONE)
def test_other_convolutions_are_left_alone(name: str, products: list[torch.Size]) -> None:
    layer, side = ALONE[name]
    maps = maps_of(side)
    with narrow():
        found = gradients(layer, maps)
    with torch.autocast("cpu", torch.bfloat16):
        plain = gradients(layer, maps)
    assert not products
    assert all(torch.equal(a, b) for a, b in zip(found, plain, strict=True))


def test_float32_frozen_weights_and_other_layouts_are_left_alone(
    products: list[torch.Size],
) -> None:
    layer, side = nn.Conv2d(8, 16, 3), 5
    with FastConvWeightGrad():
        gradients(layer, maps_of(side))
    with narrow():
        gradients(layer, maps_of(side).detach().contiguous().requires_grad_())
    frozen = nn.Conv2d(8, 16, 3).requires_grad_(False)
    with narrow():
        frozen(maps_of(side)).sum().backward()
    assert not products


def test_a_network_gets_the_same_gradients_with_and_without_products(
    monkeypatch: pytest.MonkeyPatch, products: list[torch.Size]
) -> None:
    model = create_model("patchcnn", classes=3, height=16, width=16, generator_seed=0)
    model = model.to(memory_format=torch.channels_last)
    images = torch.randn(12, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    images = images.to(memory_format=torch.channels_last)
    labels = torch.arange(12) % 3

    def of_all_weights() -> dict[str, Tensor]:
        with fast_conv_weight_grad("cpu", torch.bfloat16):
            logits = model(images)
        loss = nn.functional.cross_entropy(logits.float(), labels)
        names, parameters = zip(*model.named_parameters(), strict=True)
        return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))

    fast = of_all_weights()
    assert len(products) == 2  # the maps of 8, 4 and 2 pixels: the first are too large
    monkeypatch.setattr(conv_weight_grad, "MAX_POSITIONS", 0)
    plain = of_all_weights()
    assert len(products) == 2
    # A weight's gradient is a sum over 12 images of 4 x 4 pixels. Rounded to bfloat16 after each
    # term, as the slowest kernels do, it is off by about sqrt(192) / 2^9, 3 %, in each of the two.
    for name, gradient in plain.items():
        if gradient.ndim == 4:
            assert (fast[name] - gradient).norm() <= 0.1 * gradient.norm(), name


def _doubled(layer: nn.Conv2d) -> nn.Conv2d:
    """The same layer in float64."""
    twin = nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        (layer.kernel_size[0], layer.kernel_size[1]),
        stride=(layer.stride[0], layer.stride[1]),
        padding=layer.padding,
        bias=layer.bias is not None,
        padding_mode=layer.padding_mode,
        dtype=torch.float64,
    )
    twin.load_state_dict({name: value.double() for name, value in layer.state_dict().items()})
    return twin
