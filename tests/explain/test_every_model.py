"""Every model of the catalogue, and of the zoo one of each kind, can be explained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nunbit.errors import UsageError
from nunbit.explain import attribution
from nunbit.explain.attribution import METHODS, attribute
from nunbit.models import create_model, model_info
from nunbit.models.catalog import CATALOGUE
from tests.models.inputs import reduced

OWN = [name for name, info in CATALOGUE.items() if info.takes == "images"]
WITHOUT_MAPS = {"mlp-100", "mlp-64-128", "fashion-dnn", "row-lstm", "row-rnn", "rbm", "dbn"}
ZOO = (
    *("resnet18", "squeezenet1_0", "mobilenet_v3_small"),
    *("timm/vit_tiny_patch16_224", "timm/convnext_atto"),
)
LARGE = (
    *("alexnet", "alexnet-small", "lenet-224", "resnet50-keras", "vgg16", "vgg19", "densenet161"),
    *("inception_v3", "mobilenet_v2", "mobilenet_v3_large", "resnext50_32x4d", "mnasnet1_0"),
    *("wide_resnet50_2", "resnet50", "xception", "torchvision/alexnet", "vit_b_16", "swin_t"),
    *(
        "maxvit_t",
        "googlenet",
        "shufflenet_v2_x1_0",
        "timm/tf_efficientnet_lite0",
        "timm/swin_tiny_patch4_window7_224",
    ),
)


@pytest.fixture(autouse=True)
def few_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked here is whether it can be done."""
    monkeypatch.setattr(attribution, "STEPS", 2)
    monkeypatch.setattr(attribution, "WINDOWS_PER_SIDE", 1)


@pytest.mark.parametrize("name", [name for name in OWN if name not in LARGE])
def test_every_model_of_the_catalogue_is_explained(name: str) -> None:
    is_explained(name)


@pytest.mark.parametrize("name", ZOO)
def test_models_of_the_zoo_are_explained(name: str) -> None:
    is_explained(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_models_are_explained(name: str) -> None:
    is_explained(name)


def is_explained(name: str) -> None:
    """In training mode, half frozen, each of three classes; nothing is left behind."""
    info = model_info(name)
    shape = reduced(info)
    model = create_model(
        name,
        classes=3,
        channels=shape.channels,
        height=shape.height,
        width=shape.width,
        generator_seed=2,
    )
    for parameter in model.parameters():
        if parameter.ndim > 1 and not parameter.any():  # heads of transformers begin at zero
            nn.init.normal_(parameter, std=0.02)
    for parameter in list(model.parameters())[::2]:
        parameter.requires_grad_(False)
    overwriting = [m for m in model.modules() if getattr(m, "inplace", False)]
    drawn = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0))
    images, classes = drawn.expand(3, -1, -1, -1), torch.arange(3)
    for method in METHODS:
        if method == "grad-cam" and name in WITHOUT_MAPS:
            with pytest.raises(UsageError, match="needs maps of the image"):
                attribute(model, images, classes, method=method)
            continue
        maps = attribute(model, images, classes, method=method)
        assert maps.shape == (3, shape.height, shape.width)
        assert np.isfinite(maps).all()
        # A network that was never trained may answer alike to an image that is all covered.
        assert maps.any() or method == "occlusion", method
    assert model.training
    assert all(module.inplace for module in overwriting)
    assert hooks(model) == 0
    assert all(parameter.grad is None for parameter in model.parameters())


def hooks(model: nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)
