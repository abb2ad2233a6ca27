from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nunbit.backbone.fuse_conv_bn import fuse_conv_bn
from nunbit.backbone.pieces import feature_extractor, multi_extractor
from nunbit.backbone.split_points import find_split_points
from nunbit.models import create_model
from nunbit.models.info import Shape

WITHOUT_ANY_LEFT = ("fashion-cnn", "resnet18", "mobilenet_v3_small", "timm/efficientnet_lite0")
SOME_LEFT = {
    "densenet121": "it normalises before it convolves",
    "timm/convnext_atto": "it has none",
    "vit_b_16": "it has none",
    "squeezenet1_0": "it has none",
}


def network(name: str) -> tuple[nn.Module, Shape]:
    """With statistics, scales and shifts as after a training, and images small enough."""
    channels, size = (1, 28) if name == "fashion-cnn" else (3, 224 if "vit" in name else 64)
    shape = Shape(channels, size, size)
    model = create_model(
        name, classes=3, height=size, width=size, channels=channels, generator_seed=0
    ).eval()
    generator = torch.Generator().manual_seed(1)
    for norm in normalisations(model):
        for tensor in (norm.running_var, norm.weight.data):
            tensor.uniform_(0.5, 1.5, generator=generator)
        for tensor in (norm.running_mean, norm.bias.data):
            tensor.normal_(0, 0.2, generator=generator)
    return model, shape


def normalisations(module: nn.Module) -> list[_BatchNorm]:
    return [part for part in module.modules() if isinstance(part, _BatchNorm)]


@pytest.mark.parametrize("name", [*WITHOUT_ANY_LEFT, *SOME_LEFT])
def test_a_folded_piece_computes_the_same_and_leaves_the_network_alone(name: str) -> None:
    model, shape = network(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    piece = feature_extractor(model, find_split_points(model, shape)[-1])
    one = fuse_conv_bn(piece).eval()
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected, got = piece(images), one(images)
    scale = expected.abs().max()
    assert torch.allclose(got / scale, expected / scale, atol=1e-5)
    if name in WITHOUT_ANY_LEFT:
        assert normalisations(piece)
        assert not normalisations(one)
    after = model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_what_several_cuts_show_stays_what_it_was() -> None:
    model, shape = network("resnet18")
    piece = multi_extractor(model, find_split_points(model, shape))
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        for expected, got in zip(piece(images), fuse_conv_bn(piece).eval()(images), strict=True):
            assert torch.allclose(got, expected, atol=1e-4)


class Twice(nn.Module):
    """One convolution, normalised once and then used as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        self.head = nn.Linear(3, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.norm(self.convolution(images))
        return self.head(self.convolution(maps).relu().mean((2, 3)))


class Kept(nn.Module):
    """What the convolution gives is needed without the normalisation, too."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        self.head = nn.Linear(3, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.convolution(images)
        return self.head((self.norm(maps) + maps).relu().mean((2, 3)))


class Measuring(Kept):
    """Its normalisation has no statistics of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, track_running_stats=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.convolution(images)).relu().mean((2, 3)))


@pytest.mark.parametrize("kind", [Twice, Kept, Measuring])
def test_what_cannot_be_folded_stays(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = kind().eval()
    shape = Shape(3, 8, 8)
    piece = feature_extractor(model, find_split_points(model, shape)[-1])
    images = torch.randn(4, *shape)
    one = fuse_conv_bn(piece).eval()
    assert len(normalisations(one)) == 1
    with torch.no_grad():
        assert torch.equal(one(images), piece(images))
