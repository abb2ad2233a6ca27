from __future__ import annotations

import pytest
import timm
import torch
from torch import Tensor, nn

from nunbit.backbone.pieces import feature_extractor, head_from, multi_extractor
from nunbit.backbone.split_points import SplitPoint, find_split_points
from nunbit.errors import UsageError
from nunbit.models import create_model, model_info
from nunbit.models.catalog import CATALOGUE
from nunbit.models.info import Shape
from nunbit.models.summary import summarise
from tests.models.inputs import reduced
from tests.models.test_zoo import COURSE

OWN = [name for name, info in CATALOGUE.items() if info.takes == "images"]
ZOO = [*COURSE, "timm/xception", "timm/efficientnet_lite0", "timm/convnext_atto"]
KINDS = {"resnet18", "squeezenet1_0", "mobilenet_v2"}
"""Of the zoo, one of each way to join maps that no network of nunbit has; the others are `slow`."""
LARGE = {"alexnet", "alexnet-small", "vgg16-gap", "vgg16-head", "xai-cnn", "resnet50-keras"}
CASES = [
    pytest.param(n, marks=[pytest.mark.slow] * (n in LARGE or (n in ZOO and n not in KINDS)))
    for n in (*OWN, *ZOO)
]


def small(name: str) -> tuple[nn.Module, Shape]:
    """A network of a name in evaluation mode with the smallest images that it takes."""
    info = model_info(name)
    shape = reduced(info)
    size = {"height": shape.height, "width": shape.width, "channels": shape.channels}
    if not info.resizable:
        size = {}
    return create_model(name, classes=3, **size, generator_seed=0).eval(), shape


@pytest.mark.parametrize("name", CASES)
def test_both_halves_of_every_network_are_the_network(name: str) -> None:
    model, shape = small(name)
    modes = [module.training for module in model.modules()]
    split_points = find_split_points(model, shape)
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = model(images)
        for split_point, values in zip(
            split_points, multi_extractor(model, split_points)(images), strict=True
        ):
            assert values.shape == (2, *split_point.shape)
            before = values.clone()
            again = head_from(model, split_point)(values)
            assert torch.equal(again, logits), split_point.name
            assert torch.equal(values, before), f"{split_point.name} was changed in place"
    assert [split_point.stage for split_point in split_points] == list(range(len(split_points)))
    work = [split_point.multiply_adds_before for split_point in split_points]
    assert work == sorted(set(work))
    assert len({split_point.name for split_point in split_points}) == len(split_points)
    assert [module.training for module in model.modules()] == modes


@pytest.mark.parametrize("name", ["smallcnn", "resnet18", "squeezenet1_0", "vit_b_16"])
def test_the_halves_hold_the_networks_own_parameters_once(name: str) -> None:
    model = create_model(name, classes=3, generator_seed=0)
    own = dict(model.named_parameters())
    for split_point in find_split_points(model, model_info(name).input):
        halves = [
            dict(half(model, split_point).named_parameters())
            for half in (feature_extractor, head_from)
        ]
        assert not halves[0].keys() & halves[1].keys()
        assert halves[0].keys() | halves[1].keys() == own.keys()
        assert all(own[key] is value for half in halves for key, value in half.items())
        assert split_point.parameters_before == sum(p.numel() for p in halves[0].values())


STAGES = {
    "resnet18": {
        "relu": (64, 112, 112),
        "layer1": (64, 56, 56),
        "layer2": (128, 28, 28),
        "layer3": (256, 14, 14),
        "flatten": (512,),
    },
    "vgg16": {
        "features.3": (64, 224, 224),
        "features.8": (128, 112, 112),
        "features.15": (256, 56, 56),
        "features.22": (512, 28, 28),
        "avgpool": (512, 7, 7),
        "classifier.5": (4096,),
    },
    "inception_v3": {
        "Conv2d_2b_3x3": (64, 147, 147),
        "Conv2d_4a_3x3": (192, 71, 71),
        "Mixed_5d": (288, 35, 35),
        "Mixed_6e": (768, 17, 17),
        "flatten": (2048,),
    },
    "squeezenet1_0": {
        "features.1": (96, 109, 109),
        "features.5": (256, 54, 54),
        "features.10": (512, 27, 27),
        "classifier.0": (512, 13, 13),
    },
    "smallcnn": {"features.6": (64, 14, 14), "features.13": (128, 7, 7), "head.2": (256,)},
    "row-lstm": {"dropout": (128,)},
    "mlp-100": {"2": (100,), "4": (100,)},
}


@pytest.mark.parametrize("name", STAGES)
def test_the_stages_are_those_that_the_papers_draw(name: str) -> None:
    model = empty(name)
    assert {
        split_point.name: split_point.shape
        for split_point in find_split_points(model, model_info(name).input)
    } == STAGES[name]


def empty(name: str) -> nn.Module:
    """A network without values: what is found depends on the structure alone."""
    info = model_info(name)
    with torch.device("meta"):
        return info.build(info.input, 3, None)


@pytest.mark.parametrize(
    "name",
    ["efficientnet_lite0", "mobilenetv3_large_100", "resnet50", "convnext_atto", "regnety_002"],
)
def test_stages_of_timms_networks_are_those_that_timm_lists(name: str) -> None:
    model = empty(f"timm/{name}")
    listed = {
        info["reduction"]: info["num_chs"]
        for info in timm.create_model(name, features_only=True).feature_info.get_dicts()
    }
    ours = {
        224 // split_point.shape[1]: split_point.channels
        for split_point in find_split_points(model, (3, 224, 224))[:-1]
    }
    # The last stage ends at the input of the head here, which timm does not list.
    assert [(r, ours[r]) for r in ours if r < 32] == [(r, listed[r]) for r in listed if r < 32]


@pytest.mark.parametrize("name", ["vit_b_16", "timm/vit_tiny_patch16_224"])
def test_a_transformers_stages_are_quarters_of_its_work(name: str) -> None:
    model = empty(name)
    split_points = find_split_points(model, (3, 224, 224))
    ends = [
        split_point.name.rpartition(".")[2].rpartition("_")[2] for split_point in split_points[:-1]
    ]
    assert ends == ["2", "5", "8"]  # of twelve blocks
    assert all(
        split_point.channel_dim == 1 and split_point.shape[0] == 197
        for split_point in split_points[:-1]
    )
    shares = [
        split_point.multiply_adds_before / split_points[-1].multiply_adds_before
        for split_point in split_points
    ]
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=0.02)


def test_channels_last_maps_are_recognised_and_pooled_over_their_places() -> None:
    split_points = find_split_points(empty("swin_t"), (3, 224, 224))
    assert [split_point.shape for split_point in split_points] == [
        (56, 56, 96),
        (28, 28, 192),
        (14, 14, 384),
        (768,),
    ]
    assert [split_point.channel_dim for split_point in split_points] == [2, 2, 2, 0]
    values = torch.randn(2, 56, 56, 96)
    torch.testing.assert_close(split_points[0].pooled(values), values.flatten(1, 2).mean(dim=1))
    assert split_points[-1].pooled(torch.ones(2, 768)).shape == (2, 768)


def test_multiply_adds_are_those_of_the_summary() -> None:
    model = create_model("resnet18", classes=10)
    last = find_split_points(model, (3, 64, 64))[-1]
    summary = summarise(model, (3, 64, 64))
    assert last.multiply_adds_before + 512 * 10 == summary.multiply_adds


def test_rectangular_images_change_sizes_and_nothing_else() -> None:
    model = empty("mobilenet_v2")
    square, wide = find_split_points(model, (3, 224, 224)), find_split_points(model, (3, 96, 160))
    assert [split_point.name for split_point in wide] == [
        split_point.name for split_point in square
    ]
    assert [split_point.shape for split_point in wide][:2] == [(16, 48, 80), (24, 24, 40)]
    assert all(split_point.channel_dim == 0 for split_point in wide)


class Stubborn(nn.Module):
    """Decides by values, so that it cannot be followed; its head is nested."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU())
        self.top = nn.Sequential(nn.Dropout(0.5), nn.Linear(5, 3))

    def forward(self, images: Tensor) -> Tensor:
        values = self.body(images)
        if images.shape[-1] == 2 and values.shape[0] > 0:
            values = values * 2
        logits: Tensor = self.top(values)
        return logits


def test_what_cannot_be_followed_is_cut_at_the_input_of_its_head() -> None:
    model = Stubborn()
    (split_point,) = find_split_points(model, (3, 2, 2))
    assert (split_point.name, split_point.shape, split_point.parameters_before) == (
        "input of top.1",
        (5,),
        65,
    )
    images = torch.randn(4, 3, 2, 2)
    model.eval()
    before = feature_extractor(model, split_point)
    with torch.no_grad():
        assert torch.equal(head_from(model, split_point)(before(images)), model(images))
        (tapped,) = multi_extractor(model, [split_point])(images)
        assert torch.equal(tapped, before(images))
    names = {name for name, _ in before.named_parameters()}
    assert names == {"body.1.weight", "body.1.bias"}
    assert {name for name, _ in head_from(model, split_point).named_parameters()} == {
        "top.1.weight",
        "top.1.bias",
    }
    assert not any(module._forward_pre_hooks for module in model.modules())


class Forked(nn.Module):
    """Two tensors side by side from the image to the head."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.head = nn.Linear(4, 3), nn.Linear(4, 3), nn.Bilinear(3, 3, 5)
        self.last = nn.Linear(5, 2)

    def forward(self, values: Tensor) -> Tensor:
        one, two = torch.relu(self.one(values)), torch.relu(self.two(values))
        logits: Tensor = self.last(self.head(one, two)) + 0 * one[:, :1]
        return logits


class ForkedToTheHead(Forked):
    def forward(self, values: Tensor) -> Tensor:
        logits: Tensor = self.last(self.head(self.one(values), self.two(values)))
        return logits


def test_flow_through_several_tensors_is_no_place_to_cut() -> None:
    (split_point,) = find_split_points(ForkedToTheHead(), (4,))
    assert (split_point.name, split_point.shape) == ("head", (5,))
    with pytest.raises(UsageError, match="does not end in a linear layer"):
        find_split_points(Forked(), (4,))


class Branching(Stubborn):
    def forward(self, images: Tensor) -> Tensor:
        values = self.body(images)
        logits: Tensor = self.top(values) if bool(values.sum() > -1e9) else values
        return 2 * logits


def test_without_a_linear_end_there_is_nothing_to_say() -> None:
    with pytest.raises(UsageError, match="does not end in a linear layer"):
        find_split_points(Branching(), (3, 2, 2))
    with pytest.raises(UsageError, match="one layer only"):
        find_split_points(nn.Sequential(nn.Linear(4, 2)), (4,))


def test_a_module_that_cannot_be_followed_is_one_node() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), Stubborn())
    model[2].body[1] = nn.Linear(4, 5)
    split_points = find_split_points(model, (3, 4, 4))
    assert [split_point.name for split_point in split_points] == ["1"]
    assert split_points[0].shape == (4, 1, 1)


def test_dropout_written_as_a_function_follows_the_mode_of_the_half() -> None:
    class Dropping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(8, 50), nn.Linear(50, 50)
            self.head = nn.Linear(50, 2)

        def forward(self, images: Tensor) -> Tensor:
            values = torch.relu(self.first(images.flatten(1)))
            values = nn.functional.dropout(self.second(values), 0.5, training=self.training)
            logits: Tensor = self.head(values)
            return logits

    model = Dropping()
    split_point = find_split_points(model, (2, 2, 2))[0]
    assert split_point.shape == (50,)
    before = feature_extractor(model, split_point)
    images = torch.randn(3, 2, 2, 2)
    assert not torch.equal(before.train()(images), before.train()(images))
    assert torch.equal(before.eval()(images), before.eval()(images))


def test_a_half_can_be_trained_and_leaves_the_other_as_it_is() -> None:
    model = create_model("smallcnn", classes=3, generator_seed=0)
    split_point = find_split_points(model, (1, 28, 28))[1]
    before = {
        name: value.clone()
        for name, value in feature_extractor(model, split_point).state_dict().items()
    }
    after = head_from(model, split_point).train()
    optimizer = torch.optim.SGD(after.parameters(), lr=0.1)
    start = {name: value.clone() for name, value in after.state_dict().items()}
    after(torch.randn(4, *split_point.shape)).square().sum().backward()
    optimizer.step()
    state = model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in before.items())
    changed = [name for name, value in start.items() if not torch.equal(state[name], value)]
    assert set(changed) == set(start)


def test_a_cut_of_another_network_is_refused() -> None:
    split_point = SplitPoint(
        name="layer9", node="layer9", shape=(3,), channel_dim=0, stage=0,
        parameters_before=0, multiply_adds_before=0,
    )  # fmt: skip
    with pytest.raises(ValueError, match="has no split point at layer9"):
        feature_extractor(create_model("smallcnn", classes=3), split_point)


def test_a_hidden_head_leaves_the_cuts_where_they_were() -> None:
    plain, deep = (
        create_model("resnet18", classes=3, head_hidden=units, generator_seed=0)
        for units in (None, 16)
    )
    assert find_split_points(plain, (3, 64, 64)) == find_split_points(deep, (3, 64, 64))
