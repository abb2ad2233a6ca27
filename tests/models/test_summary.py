"""Summaries against the notes, torch's own counter, and gradients on the input."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nunbit.errors import UsageError
from nunbit.models import create_model, model_info
from nunbit.models.catalog import CATALOGUE
from nunbit.models.summary import Layer, Summary, summarise, summarise_name

ZOO = (
    "torchvision/resnet18",
    "torchvision/squeezenet1_0",
    "torchvision/densenet161",
    "torchvision/inception_v3",
    "torchvision/googlenet",
    "torchvision/shufflenet_v2_x1_0",
    "torchvision/mobilenet_v3_small",
    "torchvision/resnext50_32x4d",
    "torchvision/mnasnet1_0",
    "torchvision/convnext_tiny",
    "torchvision/vit_b_16",
    "torchvision/swin_t",
    "timm/legacy_xception",
    "timm/convnext_atto",
    "timm/efficientnet_lite0",
    "timm/vit_tiny_patch16_224",
    "timm/mixer_s32_224",
)


def layer(summary: Summary, name: str) -> Layer:
    (found,) = [row for row in summary.layers if row.name == name and row.turn == 1]
    return found


def flops(model: nn.Module, inputs: Sequence[Tensor]) -> int:
    """Torch's own count, to which an addition and a multiplication are two.

    Of attention as matrix products: torch 2.14.1's counter does not know all fused kernels.
    """
    math = sdpa_kernel(SDPBackend.MATH)
    with torch.no_grad(), math, FlopCounterMode(display=False) as counter:
        model.eval()(*inputs)
    return int(counter.get_total_flops())


@pytest.mark.parametrize("name", [*CATALOGUE, *ZOO])
def test_multiply_adds_and_parameters_agree_with_torchs_counts(name: str) -> None:
    info = model_info(name)
    with torch.device("meta"):
        model = create_model(name, classes=info.classes)
        inputs = info.example(info.input, batch=1)
    if info.takes == "images":
        summary = summarise(model, info.input, name=name)
    else:
        summary = summarise_name(name)
    assert summary.multiply_adds * 2 == flops(model, inputs)
    assert summary.parameters == sum(p.numel() for p in model.parameters())
    assert summary.frozen == 0


@pytest.mark.parametrize(
    "name", ["smallcnn", "row-rnn", "timm/test_vit", "timm/test_resnet", "timm/test_convnext"]
)
def test_the_count_is_that_of_the_true_kernels(name: str) -> None:
    info = model_info(name)
    model = create_model(name, classes=7)
    inputs = info.example(info.input, batch=1)
    assert summarise(model, info.input).multiply_adds * 2 == flops(model, inputs)


class Attending(nn.Module):
    """Tokens that attend to each other, by torch's function or by its layer."""

    def __init__(self, *, by_layer: bool) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(12, 3, batch_first=True) if by_layer else None

    def forward(self, tokens: Tensor) -> Tensor:
        if self.layer is not None:
            out: Tensor = self.layer(tokens, tokens, tokens)[0]
            return out
        heads = tokens.unflatten(-1, (3, 4)).transpose(1, 2)
        return nn.functional.scaled_dot_product_attention(heads, heads, heads)


@pytest.mark.parametrize("empty", [True, False])
def test_attention_is_two_products(empty: bool) -> None:
    tokens, dimensions = 10, 12
    products = 2 * tokens * tokens * dimensions  # queries with keys, and weights with values
    projections = 4 * tokens * dimensions * dimensions
    for by_layer in (False, True):
        found = summarise(
            Attending(by_layer=by_layer), (tokens, dimensions), with_real_tensors=not empty
        )
        assert found.multiply_adds == products + by_layer * projections


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("lenet-224", (0.57, 19.47, 175.62, 195.67)),
        ("alexnet-small", (0.75, 10.90, 161.44, 173.10)),
    ],
)
def test_published_sizes(name: str, sizes: tuple[float, ...]) -> None:
    found = summarise_name(name)
    assert found.to_dict()["size_mb"] == dict(
        zip(("input", "forward_backward", "parameters", "total"), sizes, strict=True)
    )


def test_alexnet_as_the_notes_count_it() -> None:
    found = summarise_name("alexnet")
    counted = [row.parameters for row in found.layers if row.parameters]
    assert counted == [
        34_944,
        614_656,
        885_120,
        1_327_488,
        884_992,
        37_752_832,
        16_781_312,
        4_097_000,
    ]
    assert found.parameters == 62_378_344
    first = layer(found, "features.0")
    assert first.output_shape == (96, 55, 55)
    assert "height and width: (227 - 11 + 0)/4 + 1 = 55" in first.formulas
    assert "parameters: (11*11*3 + 1)*96 = 34,944" in first.formulas


@pytest.mark.parametrize(
    ("name", "last", "pixels", "stride"),
    [
        # Araujo, Norris, Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks".
        ("alexnet", "features.12", 195, 32),
        ("resnet50-keras", None, 483, 32),
        ("vgg16-gap", None, 212, 32),
        ("torchvision/vgg16", "features.30", 212, 32),
        ("torchvision/resnet18", "layer4.1.conv2", 435, 32),
    ],
)
def test_published_receptive_fields(name: str, last: str | None, pixels: int, stride: int) -> None:
    found = summarise_name(name, shape=(3, 227, 227) if name == "alexnet" else None)
    local = [row for row in found.layers if isinstance(row.receptive_field, tuple)]
    row = layer(found, last) if last else local[-1]
    assert row.receptive_field == (pixels, pixels)
    assert row.stride == (stride, stride)
    assert found.layers[-1].receptive_field == "global"
    assert found.layers[-1].stride is None


class Branches(nn.Module):
    """Three ways from one map: a large filter, a small one that is dilated, and none."""

    def __init__(self) -> None:
        super().__init__()
        self.large = nn.Conv2d(1, 4, (7, 1), padding=(3, 0))
        self.dilated = nn.Conv2d(1, 4, 3, padding=2, dilation=2)
        self.after = nn.Conv2d(9, 3, 3, stride=(2, 3))

    def forward(self, image: Tensor) -> Tensor:
        joined = torch.cat([self.large(image), self.dilated(image), image], dim=1)
        halves: Tensor = self.after(joined)
        return halves + halves.flip(1)


def test_branches_see_what_the_widest_sees() -> None:
    found = summarise(Branches(), (1, 20, 20))
    assert layer(found, "large").receptive_field == (7, 1)
    assert layer(found, "dilated").receptive_field == (5, 5)
    after = layer(found, "after")
    assert (after.receptive_field, after.stride) == ((9, 7), (2, 3))


@pytest.mark.parametrize(
    ("network", "shape", "pixels", "stride"),
    [
        (nn.Sequential(nn.Conv1d(2, 3, 5, 2), nn.MaxPool1d(2)), (2, 50), (7,), (4,)),
        (
            nn.Sequential(nn.Conv3d(1, 2, 3), nn.AvgPool3d((1, 2, 2))),
            (1, 6, 10, 10),
            (3, 4, 4),
            (1, 2, 2),
        ),
    ],
)
def test_other_numbers_of_directions(
    network: nn.Module, shape: tuple[int, ...], pixels: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    found = summarise(network, shape)
    assert (found.layers[-1].receptive_field, found.layers[-1].stride) == (pixels, stride)
    assert found.layers[0].formulas
    assert found.multiply_adds * 2 == flops(network, [torch.zeros(1, *shape)])


class Gate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(1, 4, 3)
        self.squeeze = nn.Linear(4, 4)
        self.after = nn.Conv2d(4, 4, 3)

    def forward(self, image: Tensor) -> Tensor:
        maps = self.look(image)
        weights = torch.sigmoid(self.squeeze(maps.mean((2, 3))))
        gated: Tensor = self.after(maps * weights[:, :, None, None])
        return gated


def test_a_gate_that_looks_at_the_whole_image_makes_all_that_follows_global() -> None:
    found = summarise(Gate(), (1, 9, 9))
    assert [row.receptive_field for row in found.layers] == [(3, 3), "global", "global"]


class Folded(nn.Module):
    """A shuffle of pixels, which no rule follows: the gradient must tell."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        self.after = nn.Conv2d(1, 2, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.largest = nn.MaxPool2d(3, stride=1, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, image: Tensor) -> Tensor:
        maps = self.relu(self.after(self.shuffle(self.first(image))))
        everything: Tensor = self.pool(self.largest(maps))
        return everything


def test_what_no_rule_follows_is_measured() -> None:
    found = summarise(Folded(), (1, 32, 32))
    after, pool = layer(found, "after"), layer(found, "pool")
    assert layer(found, "first").measured is False
    assert (after.receptive_field, after.measured) == ((5, 5), True)
    assert layer(found, "relu").receptive_field == (5, 5)
    # Five positions of the shuffled map, three or two of which have one source.
    assert layer(found, "largest").receptive_field == (7, 7)
    assert (pool.receptive_field, pool.measured) == ("global", True)
    empty = summarise(Folded().to("meta"), (1, 32, 32))
    assert layer(empty, "after").receptive_field == "unknown"


def test_a_part_that_is_written_to_is_noticed() -> None:
    class Patched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(1, 2, 3)
            self.after = nn.Conv2d(2, 2, 3)

        def forward(self, image: Tensor) -> Tensor:
            maps = self.first(image)
            patched = torch.zeros_like(maps)
            patched[:, :, :, ::2] = maps[:, :, :, ::2]
            out: Tensor = self.after(patched)
            return out

    after = layer(summarise(Patched(), (1, 12, 12)), "after")
    assert after.measured
    assert after.receptive_field in {(5, 5), (5, 3)}  # by whether the middle column is a copy


@pytest.mark.parametrize("mode", ["circular", "reflect", "replicate"])
def test_other_paddings(mode: str) -> None:
    layers = [nn.Conv2d(1, 2, 3, padding=1, padding_mode=mode) for _ in range(2)]
    layers[1] = nn.Conv2d(2, 2, 3, padding=1, padding_mode=mode)
    sees = [row.receptive_field for row in summarise(nn.Sequential(*layers), (1, 12, 12)).layers]
    assert sees == [(3, 3), (5, 5)]


def test_half_precision() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.PixelShuffle(2)).to(torch.bfloat16)
    assert summarise(network, (1, 12, 12)).layers[1].receptive_field == (3, 3)


def test_of_many_that_no_rule_follows_the_first_and_last_are_measured() -> None:
    tail = [nn.ReLU() for _ in range(80)]
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PixelShuffle(2), *tail)
    sees = [row.receptive_field for row in summarise(network, (1, 8, 8)).layers]
    assert sees[1:57] == [(3, 3)] * 56
    assert sees[57:-8] == ["unknown"] * 17
    assert sees[-8:] == [(3, 3)] * 8


def test_windows_that_are_shifted_are_measured() -> None:
    found = summarise_name("timm/swin_tiny_patch4_window7_224", classes=2)
    sees = {row.name: row.receptive_field for row in found.layers if row.turn == 1}
    assert sees["layers.0.blocks.0.norm1"] == (4, 4)
    assert sees["layers.0.blocks.0.attn"] == (28, 28)
    assert sees["layers.0.blocks.1.attn"] == (56, 56)
    assert sees["head.fc"] == "global"


class Odd(nn.Module):
    """A module used twice, tied weights, frozen ones, and a part for training only."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.one = nn.Linear(4, 4)
        self.two = nn.Linear(4, 4)
        self.two.weight = self.one.weight
        self.scale = nn.Parameter(torch.ones(4), requires_grad=False)
        self.norm = nn.BatchNorm1d(4)
        self.extra = nn.Linear(4, 3)

    def forward(self, values: Tensor) -> Tensor:
        out: Tensor = self.relu(self.norm(self.relu(self.one(values)))) * self.scale
        return self.extra(self.two(out)) if self.training else self.two(out)


def test_every_parameter_is_counted_once() -> None:
    model = Odd()
    found = summarise(model, (4,))
    assert found.parameters == sum(p.numel() for p in model.parameters()) == 20 + 4 + 4 + 8 + 15
    assert (found.frozen, found.trainable) == (4, 47)
    assert [row.turn for row in found.layers if row.name == "relu"] == [1, 2]
    assert layer(found, "two").parameters == 4
    extra = layer(found, "extra")
    assert (extra.runs, extra.parameters, extra.multiply_adds) == (False, 15, 0)


def hooks(model: nn.Module) -> list[int]:
    return [
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in model.modules()
    ]


@pytest.mark.parametrize("side", [32, 2])  # the second is too small, and fails
def test_the_model_is_left_as_it_was(side: int) -> None:
    model = create_model("lenet5", classes=3, generator_seed=1)
    network = nn.Sequential(nn.BatchNorm2d(1), model, Odd_().eval())
    network[1].eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    state = torch.random.get_rng_state()
    fast_path = torch.backends.mha.get_fastpath_enabled()
    if side == 32:
        summarise(network, (1, side, side))
    else:
        with pytest.raises(UsageError, match="the network cannot work on 1x2x2 values"):
            summarise(network, (1, side, side), name="the network")
    assert hooks(network) == [0] * len(modes)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(p.device.type == "cpu" and p.grad is None for p in network.parameters())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.backends.mha.get_fastpath_enabled() == fast_path


class Odd_(nn.Module):  # noqa: N801
    def forward(self, values: Tensor) -> Tensor:
        return values.float()


def test_measuring_leaves_the_model_as_it_was_too() -> None:
    model = Folded().train()
    before = [p.clone() for p in model.parameters()]
    summarise(model, (1, 16, 16))
    assert hooks(model) == [0] * len(hooks(model))
    assert model.training
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(p.grad is None for p in model.parameters())
    assert not any("forward" in module.__dict__ for module in model.modules())


def test_a_network_that_needs_values_is_run_in_earnest() -> None:
    class Choosy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(1, 1, 3)

        def forward(self, image: Tensor) -> Tensor:
            out: Tensor = self.layer(image)
            return out if out.sum().item() > 1e9 else out * 2

    found = summarise(Choosy(), (1, 8, 8))
    assert found.layers[0].multiply_adds == 6 * 6 * 9
    assert found.layers[0].receptive_field == (3, 3)


def test_a_recurrence_counts_the_same_with_and_without_values() -> None:
    class Reader(nn.Module):
        def __init__(self, *, choosy: bool) -> None:
            super().__init__()
            self.choosy = choosy
            self.read = nn.LSTM(6, 5, num_layers=2, bidirectional=True)

        def forward(self, steps: Tensor) -> Tensor:
            out: Tensor = self.read(steps)[0]
            return out if not self.choosy or out.sum().item() < 1e9 else out * 2

    each_step = 2 * (4 * 5 * 6 + 4 * 5 * 5) + 2 * (4 * 5 * 10 + 4 * 5 * 5)
    for choosy in (False, True):  # [1, 7, 6]: one step with a batch of seven
        assert summarise(Reader(choosy=choosy), (7, 6)).multiply_adds == 7 * each_step


def test_size_and_classes_can_be_chosen() -> None:
    found = summarise_name("torchvision/googlenet", shape=(3, 64, 96), classes=5)
    assert found.input_shape == (3, 64, 96)
    assert layer(found, "fc").output_shape == (5,)
    assert layer(found, "aux1.fc2").runs is False
    with pytest.raises(UsageError, match="the smallest size that works"):
        summarise_name("lenet5", shape=(1, 5, 5))


def test_an_encoder_without_classes_gets_some() -> None:
    assert model_info("timm/vit_pe_spatial_tiny_patch16_512").classes == 0
    found = summarise_name("timm/vit_pe_spatial_tiny_patch16_512", measure=False)
    assert found.layers[-1].output_shape == (1000,)


@pytest.mark.parametrize("name", ["xor-mlp", "gcn", "row-lstm"])
def test_networks_on_other_things_than_images(name: str) -> None:
    found = summarise_name(name)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()
    if name != "row-lstm":
        assert {row.receptive_field for row in found.layers} == {None}


def test_the_dictionary_is_json() -> None:
    found = summarise_name("lenet5").to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["parameters"] == {"total": 61_026, "trainable": 61_026, "frozen": 0}
    assert found["layers"][0]["receptive_field"] == [5, 5]
    assert found["layers"][-1]["receptive_field"] == "global"


@pytest.mark.parametrize("name", ["fashion-cnn", "lenet5", "googlenet-keras", "rbm"])
def test_a_pass_in_earnest_finds_what_one_without_values_finds(name: str) -> None:
    info = model_info(name)
    side = max(info.minimum_size, 28)
    model = create_model(name, classes=3, height=side, width=side)
    shape = (info.input.channels, side, side)
    assert summarise(model, shape, with_real_tensors=True) == summarise(model, shape)
