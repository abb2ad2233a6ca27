"""The whole table of nunbit's own models, against published counts, shapes and references."""

from __future__ import annotations

import pytest
import timm.layers
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from nunbit.models import create_model, model_info
from nunbit.models.catalog import CATALOGUE
from nunbit.models.networks.blocks import SamePad
from nunbit.models.networks.googlenet import Inception
from nunbit.models.networks.lenet import PartialConv, ScaledTanh
from nunbit.models.networks.resnet import Bottleneck

PUBLISHED = {  # name: (input, classes, trainable parameters), from the course's layer tables
    "perceptron": ((1, 1, 2), 1, 3),
    "xor-mlp": ((1, 1, 2), 1, 261),
    "mlp-100": ((1, 28, 28), 10, 89_610),
    "mlp-64-128": ((1, 28, 28), 10, 59_850),
    "fashion-dnn": ((1, 28, 28), 10, 235_146),
    "fashion-cnn": ((1, 28, 28), 10, 1_475_338),
    "mnist-cnn": ((1, 28, 28), 10, 21_840),
    "cifar-small": ((3, 32, 32), 10, 62_006),
    "cifar-wide": ((3, 32, 32), 10, 434_534),
    "keras-cnn": ((1, 28, 28), 10, 503_296),
    "keras-rgb-cnn": ((3, 32, 32), 10, 637_454),
    "keras-bn-cnn": ((3, 32, 32), 10, 1_227_310),
    "lenet5": ((1, 32, 32), 2, 61_026),
    "lenet-224": ((3, 224, 224), 2, 46_038_242),
    "alexnet": ((3, 227, 227), 1000, 62_378_344),
    "alexnet-small": ((3, 256, 256), 2, 42_321_218),
    "vgg16-gap": ((3, 224, 224), 10, 14_777_458),
    "vgg16-head": ((3, 224, 224), 10, 14_714_688 + 26_160),
    "googlenet-keras": ((3, 224, 224), 10, 5_983_802),
    "resnet50-keras": ((3, 224, 224), 10, 23_946_402),
    "xai-cnn": ((3, 64, 64), 2, 14_983_106),
    # Not in the course's table; by hand from the definitions:
    "smallcnn": ((1, 28, 28), 10, 1_147_722),
    "patchcnn": ((1, 28, 28), 10, 368_042),
    "patchcnn-wide": ((1, 28, 28), 10, 1_556_362),
    "lenet5-1998": ((1, 32, 32), 10, 156 + 12 + 1_516 + 32 + 48_120 + 10_164 + 85 * 10),
    "row-lstm": ((1, 28, 28), 10, 4 * 128 * (28 + 128 + 2) + 129 * 10),
    "row-rnn": ((1, 28, 28), 10, 128 * (28 + 128 + 2) + 129 * 10),
    "rbm": ((1, 28, 28), 10, 785 * 500 + 501 * 10),
    "dbn": ((1, 28, 28), 10, 785 * 500 + 501 * 500 + 501 * 2000 + 2001 * 10),
    "gcn": ((1, 75, 3), 10, 4 * 64 + 65 * 64 + 65 * 10),
}

LAYERS = {  # name: parameters of its first layers that have any
    "keras-cnn": (160, 8_224, 32_832),
    "lenet-224": (1_216, 12_832, 46_023_168, 1_026),
    "alexnet": (
        *(34_944, 614_656, 885_120, 1_327_488, 884_992),
        *(37_752_832, 16_781_312, 4_097_000),
    ),
}

ALEXNET = (
    *((96, 55, 55), (96, 27, 27), (256, 27, 27), (256, 13, 13), (384, 13, 13)),
    *((384, 13, 13), (256, 13, 13), (256, 6, 6)),
)
SIZES = {  # name: sides after each convolution and pooling
    "lenet5": (28, 14, 10, 5),
    "lenet-224": (220, 110, 106, 53),
    "cifar-wide": (28, 15, 11, 6, 2, 2),
    "alexnet-small": (63, 31, 31, 15, 15, 15, 15, 7, 6),
    "keras-cnn": (28, 28, 25, 12),
    "lenet5-1998": (28, 14, 10, 5, 1),
}
SPATIAL = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, PartialConv)


def published(name: str) -> nn.Module:
    """The published form, without values."""
    info = model_info(name)
    with torch.device("meta"):
        return info.build(info.input, info.classes, None)


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def shapes(
    model: nn.Module, kinds: tuple[type[nn.Module], ...], size: tuple[int, ...]
) -> list[tuple[int, ...]]:
    """[C, H, W] after each layer of these kinds, in the order in which they run."""
    seen: list[tuple[int, ...]] = []
    within = {id(part) for m in model.modules() if isinstance(m, PartialConv) for part in m.maps}
    for module in model.modules():
        if isinstance(module, kinds) and id(module) not in within:
            module.register_forward_hook(lambda _m, _i, out: seen.append(tuple(out.shape[1:])))
    model(torch.empty(2, *size, device="meta"))
    return seen


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_model_states_its_parameters(name: str) -> None:
    assert model_info(name).parameters == count(published(name))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_form(name: str) -> None:
    shape, classes, parameters = PUBLISHED[name]
    info = model_info(name)
    assert tuple(info.input) == shape
    assert (info.parameters, info.classes) == (parameters, classes)
    assert count(published(name)) == parameters


@pytest.mark.parametrize("name", LAYERS)
def test_published_parameters_of_layers(name: str) -> None:
    of_layers = [count(layer) for layer in published(name).modules() if not [*layer.children()]]
    with_parameters = [n for n in of_layers if n]
    assert tuple(with_parameters[: len(LAYERS[name])]) == LAYERS[name]


@pytest.mark.parametrize("name", SIZES)
def test_published_sizes(name: str) -> None:
    seen = shapes(published(name), SPATIAL, PUBLISHED[name][0])
    assert tuple(height for _, height, _ in seen) == SIZES[name]
    assert all(height == width for _, height, width in seen)


def test_published_tensors_of_alexnet() -> None:
    assert tuple(shapes(published("alexnet"), SPATIAL, (3, 227, 227))) == ALEXNET


def test_the_parts_of_lenet5_as_published_in_1998() -> None:
    features, head = published("lenet5-1998").children()
    c1, s2, c3, s4, c5 = (m for m in features.children() if not isinstance(m, ScaledTanh))
    assert [count(part) for part in (c1, s2, c3, s4, c5)] == [156, 12, 1_516, 32, 48_120]
    assert count(head[1]) == 10_164  # type: ignore[index]  # F6
    assert ScaledTanh()(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([1, -1], abs=1e-4)


def test_partial_convolution_is_a_convolution_with_some_weights_zero() -> None:
    torch.manual_seed(0)
    partial = PartialConv(((0, 2), (1,), (0, 1, 2)), 3)
    weight, bias = torch.zeros(3, 3, 3, 3), torch.zeros(3)
    for row, (seen, one) in enumerate(zip(partial.sees, partial.maps, strict=True)):
        weight[row, list(seen)] = one.weight.detach()[0]  # type: ignore[index]
        bias[row] = one.bias.detach()[0]  # type: ignore[index]
    maps = torch.randn(2, 3, 6, 7)
    torch.testing.assert_close(partial(maps), F.conv2d(maps, weight, bias))


def test_inception_modules_have_the_published_channels_and_sizes() -> None:
    network = published("googlenet-keras")
    seen = shapes(network, (Inception,), (3, 224, 224))
    assert [channels for channels, *_ in seen] == [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    assert [side for _, _, side in seen] == [28, 28, 14, 14, 14, 14, 14, 7, 7]


def test_stages_of_resnet50() -> None:
    network = published("resnet50-keras")
    seen = shapes(network, (Bottleneck,), (3, 224, 224))
    expected = [(256, 56)] * 3 + [(512, 28)] * 4 + [(1024, 14)] * 6 + [(2048, 7)] * 3
    assert [(channels, side) for channels, side, _ in seen] == expected
    blocks = [m for m in network.modules() if isinstance(m, Bottleneck)]
    assert [not isinstance(m.shortcut, nn.Identity) for m in blocks].count(True) == 4
    strides = [m.stride[0] for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert [strides[i] for i in (1, 11, 24, 43)] == [1, 2, 2, 2]  # the first 1x1 of each stage
    convolutions = [count(m) for m in blocks[0].modules() if isinstance(m, nn.Conv2d)]
    assert convolutions == [4_160, 36_928, 16_640, 16_640]  # as Keras counts conv2_block1


def test_head_of_vgg16_for_transfer() -> None:
    assert count(published("vgg16-head").get_submodule("head")) == 26_160


def test_the_layers_of_xai_cnn_that_the_course_shows_are_convolutions() -> None:
    features = published("xai-cnn").get_submodule("features")
    assert isinstance(features, nn.Sequential)
    assert all(isinstance(features[i], nn.Conv2d) for i in (0, 20, 40))
    convolutions = [m for m in features if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 13
    assert [m.padding[0] for m in convolutions] == [0] + [1] * 12
    assert all(m.bias is None for m in convolutions)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("vgg16-head", "vgg16"), ("vgg16-gap", "vgg16"), ("alexnet-small", "alexnet")],
)
def test_features_are_torchvisions(ours: str, theirs: str) -> None:
    with torch.device("meta"):
        reference = torchvision.models.get_model(theirs).features
    features = create_model(ours, classes=2, height=64, width=64, generator_seed=0).get_submodule(
        "features"
    )
    reference.load_state_dict(features.state_dict(), assign=True)  # strict: all names and shapes
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(features(images), reference(images))


@pytest.mark.parametrize("kernel", [2, 3, 4, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(7, 8), (1, 224), (13, 30)])
def test_same_padding_is_tensorflows(kernel: int, stride: int, size: tuple[int, int]) -> None:
    maps = torch.randn(1, 2, *size)
    padded = SamePad(kernel, stride)(maps)
    assert torch.equal(padded, timm.layers.pad_same(maps, [kernel] * 2, [stride] * 2))
    outputs = F.max_pool2d(padded, kernel, stride).shape[2:]
    assert tuple(outputs) == tuple(-(-n // stride) for n in size)


def test_initial_weights_of_keras_bn_cnn() -> None:
    model = create_model("keras-bn-cnn", classes=200, generator_seed=0)
    convolution = model.get_parameter("features.10.weight")  # 64 x 9 weights reach a unit
    assert convolution.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
    output = model.get_parameter("head.6.weight")
    assert output.std().item() == pytest.approx((2 / (300 + 200)) ** 0.5, rel=0.02)


@pytest.mark.parametrize("cell", ["row-lstm", "row-rnn"])
def test_rows_are_read_from_top_to_bottom(cell: str) -> None:
    model = create_model(cell, classes=4, channels=3, height=5, width=6, generator_seed=0)
    images = torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(0))
    reader = model.get_submodule("reader")
    by_hand = (nn.LSTMCell if cell == "row-lstm" else nn.RNNCell)(18, 128)
    by_hand.load_state_dict({k.removesuffix("_l0"): v for k, v in reader.state_dict().items()})
    state: Tensor | tuple[Tensor, Tensor] | None = None
    for row in range(5):
        state = by_hand(images[:, :, row].flatten(1), state)
    last = state[0] if cell == "row-lstm" else state
    torch.testing.assert_close(model(images), model.get_submodule("head")(last))
