"""Layers are found in every network, and what they say is what a plain pass says."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

from nunbit.errors import UsageError
from nunbit.explain.layers import activations, layer_named, layers_of, stages_of
from nunbit.models import create_model, model_info
from tests.backbone.test_split_points import OWN, empty, small
from tests.models.test_zoo import COURSE

STAGES = {
    "smallcnn": ("features.3", "features.13", "features"),
    "xai-cnn": ("features.2", "features.14", "features.50"),
    "vgg16": ("features.1", "features.15", "features"),
    "resnet18": ("relu", "layer2", "layer4"),
    "inception_v3": ("Conv2d_1a_3x3", "Mixed_5d", "Mixed_7c"),
    "densenet161": ("features.relu0", "features.transition2.relu", "features"),
    "mobilenet_v2": ("features.0.2", "features.6", "features"),
    "squeezenet1_0": ("features.1", "features.5", "features"),
    "swin_t": ("features.0.0", "features.3", "permute"),
    "vit_b_16": ("conv_proj", "encoder.layers.encoder_layer_5", "encoder"),
    "timm/xception": ("act1", "block2", "act4"),
    "timm/efficientnet_lite0": ("bn1", "blocks.4", "bn2"),
    "lenet5": ("features.1", "features"),
    "mlp-100": ("2", "4"),
    "row-lstm": ("dropout",),
}


@pytest.mark.parametrize("name", STAGES)
def test_the_stages_of_known_networks(name: str) -> None:
    found = stages_of(empty(name), model_info(name).input)
    assert tuple(layer.name for layer in found) == STAGES[name]
    expected = {3: ["early", "middle", "late"], 2: ["early", "late"], 1: ["late"]}[len(found)]
    assert [layer.stage for layer in found] == expected


@pytest.mark.parametrize("name", [*OWN, "resnet18", "mobilenet_v3_small", "shufflenet_v2_x1_0"])
def test_every_network_has_layers_that_can_be_shown(name: str) -> None:
    model, shape = small(name)
    images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    stages = stages_of(model, shape)
    for layer, values in zip(stages, activations(model, images, stages), strict=True):
        assert values.shape == (2, *layer.shape)
        height, width = layer.places or (1, 1)
        assert layer.maps(values).shape == (2, layer.channels, height, width)
        assert values.isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in COURSE if n not in ("resnet18", "shufflenet_v2_x1_0")])
def test_every_network_of_the_course_has_layers_that_can_be_shown(name: str) -> None:
    test_every_network_has_layers_that_can_be_shown(name)


def test_values_are_those_of_torchvisions_own_extractor() -> None:
    model, shape = small("resnet18")
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    names = ["relu", "layer1.0.conv1", "layer2"]
    layers = [layer_named(model, shape, name) for name in names]
    with torch.no_grad():
        expected = create_feature_extractor(model, names)(images)
    found = activations(model, images, layers)
    assert torch.equal(found[2], expected["layer2"])
    # torchvision shows what the in-place activations make of these two
    assert (found[1] < 0).any()
    normalised = model.layer1[0].bn1(found[1])
    with torch.no_grad():
        again = model.layer1[0].conv2(torch.relu(normalised))
    inside = activations(model, images, [layer_named(model, shape, "layer1.0.conv2")])[0]
    torch.testing.assert_close(again, inside)


class Shared(nn.Module):
    """One activation used three times, a part that is never used, and an early exit."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3)
        self.relu = nn.ReLU(inplace=True)
        self.unused = nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 2)
        self.broken = False

    def forward(self, images: Tensor) -> Tensor:
        maps = self.relu(self.second(self.relu(self.first(images))))
        if self.broken:
            raise RuntimeError("broken")
        return self.head(self.relu(maps.mean(dim=(2, 3))))


def test_of_a_layer_that_is_used_again_the_right_use_is_taken() -> None:
    torch.manual_seed(0)
    model, images = Shared().eval(), torch.randn(1, 1, 8, 8)
    stages = stages_of(model, (1, 8, 8))
    assert [(s.name, s.turn, s.turns) for s in stages] == [("relu", 1, 3), ("relu", 2, 3)]
    early, late = (activations(model, images, [stage])[0] for stage in stages)
    with torch.no_grad():
        first = torch.relu(model.first(images))
        assert torch.equal(early, first)
        assert torch.equal(late, torch.relu(model.second(first)))


def hooks(model: nn.Module) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
        for module in model.modules()
    )


def test_nothing_stays_behind_neither_after_success_nor_after_an_error() -> None:
    model, images = Shared().train(), torch.randn(1, 1, 8, 8)
    model.second.eval()
    model.second.weight.requires_grad_(False)
    layers = [layer_named(model, (1, 8, 8), name) for name in ("first", "second")]
    modes = [module.training for module in model.modules()]
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    activations(model, images, layers)
    model.broken = True
    with pytest.raises(RuntimeError, match="broken"):
        activations(model, images, layers)
    assert hooks(model) == 0
    assert [module.training for module in model.modules()] == modes
    assert model.relu.inplace
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_tokens_become_maps_in_their_places() -> None:
    model = empty("vit_b_16")
    layer = layer_named(model, (3, 224, 224), "encoder.layers.encoder_layer_0")
    assert (layer.shape, layer.places, layer.channels) == ((197, 768), (14, 14), 768)
    values = torch.arange(197.0)[None, :, None].expand(2, 197, 768)
    maps = layer.maps(values)
    assert torch.equal(maps[1, 5].flatten(), torch.arange(1.0, 197.0))


def test_channels_last_maps_are_turned() -> None:
    layer = layer_named(empty("swin_t"), (3, 224, 224), "features.1")
    assert (layer.shape, layer.places, layer.channels) == ((56, 56, 96), (56, 56), 96)
    values = torch.randn(1, 56, 56, 96)
    assert torch.equal(layer.maps(values), values.permute(0, 3, 1, 2))


def test_maps_of_images_that_are_no_squares() -> None:
    model = create_model("smallcnn", classes=2, height=24, width=48, channels=3)
    layers = {layer.name: layer.places for layer in layers_of(model, (3, 24, 48))}
    assert layers["features.0"] == (24, 48)
    assert layers["features"] == (3, 6)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("frist", "did you mean first"),
        ("zzz", "it has first"),
        ("unused", "no values that can be shown"),
    ],
)
def test_what_is_no_layer_is_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        layer_named(Shared(), (1, 8, 8), name)
    assert message in str(caught.value)
