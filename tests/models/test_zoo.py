"""torchvision's and timm's models under nunbit's interface."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from nunbit.errors import UsageError
from nunbit.models import create_model, input_size_for, model_info

COURSE = (
    *("resnet18", "alexnet", "vgg16", "vgg19", "squeezenet1_0", "densenet161", "inception_v3"),
    *("googlenet", "shufflenet_v2_x1_0", "mobilenet_v2", "mobilenet_v3_large"),
    *("mobilenet_v3_small", "resnext50_32x4d", "wide_resnet50_2", "mnasnet1_0", "resnet50"),
)


def parameters_at_published_form(name: str) -> int:
    info = model_info(name)
    with torch.device("meta"):
        model = info.build(info.input, info.classes, None)
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", COURSE)
def test_torchvision_models_of_the_course(name: str) -> None:
    info = model_info(f"torchvision/{name}")
    assert info.name == f"torchvision/{name}"
    assert info.channels == (3,)
    if name != "googlenet":  # whose published count leaves out the auxiliary classifiers
        assert parameters_at_published_form(info.name) == info.parameters


def test_xception_of_the_course() -> None:
    info = model_info("xception")
    assert info.origin == "timm"
    assert parameters_at_published_form("xception") == 22_855_952


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "squeezenet1_0", "densenet121", "googlenet"])
def test_smallest_sizes_are_torchvisions_own(name: str) -> None:
    published = torchvision.models.get_model_weights(name).DEFAULT.meta["min_size"]
    assert (model_info(f"torchvision/{name}").minimum_size,) * 2 == published


def test_inception_needs_its_full_size_while_training() -> None:
    assert model_info("inception_v3").minimum_size == 299


def test_auxiliary_heads_speak_in_training_only() -> None:
    model = create_model("googlenet", classes=4, height=32, width=32, generator_seed=0)
    images = torch.zeros(2, 3, 32, 32)
    assert model(images).logits.shape == (2, 4)
    assert model.eval()(images).shape == (2, 4)


@pytest.mark.parametrize(
    ("name", "channels", "height", "width"),
    [
        ("resnet18", 3, 28, 40),
        ("timm/resnet10t", 1, 32, 32),
        ("timm/convnext_atto.d2_in1k", 1, 64, 32),
        ("vit_tiny_patch16_224", 1, 32, 48),
        ("timm/mobilenetv3_small_050", 3, 40, 40),
        ("swin_t", 3, 32, 32),
    ],
)
def test_builds_at_the_size_asked_for(name: str, channels: int, height: int, width: int) -> None:
    model = create_model(
        name, classes=6, channels=channels, height=height, width=width, generator_seed=1
    )
    assert model.eval()(torch.zeros(2, channels, height, width)).shape == (2, 6)


def test_seed_and_global_generator() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = create_model(
        "timm/vit_tiny_patch16_224", classes=2, height=32, width=32, generator_seed=3
    )
    second = create_model(
        "timm/vit_tiny_patch16_224", classes=2, height=32, width=32, generator_seed=3
    )
    assert torch.equal(torch.get_rng_state(), state)
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "name",
    [
        "vgg11",
        "squeezenet1_1",
        "mobilenet_v3_small",
        "efficientnet_b0",
        "mnasnet0_5",
        "swin_t",
        "vit_b_32",
        "torchvision/alexnet",
        "googlenet",
        "inception_v3",
    ],
)
def test_dropout_reaches_torchvision(name: str) -> None:
    info = model_info(name)
    assert info.dropouts == 1
    with torch.device("meta"):
        model = info.build(info.input, 2, 0.375)
    assert 0.375 in [m.p for m in model.modules() if isinstance(m, nn.Dropout)]


def test_dropout_reaches_timm() -> None:
    assert create_model("timm/resnet10t", classes=2, dropout=0.375).drop_rate == 0.375


def test_bare_names_prefer_torchvision_and_prefixes_decide() -> None:
    assert model_info("resnet18").origin == "torchvision"
    assert model_info("timm/resnet18").origin == "timm"
    assert model_info("convnext_atto").name == "timm/convnext_atto"


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("resnet18", {"channels": 1}, "takes images with 3 channels, not 1"),
        ("resnet18", {"dropout": 0.1}, "no dropout layer"),
        (
            "torchvision/alexnet",
            {"height": 28, "width": 28},
            "the smallest size that works is 63 × 63; its own",
        ),
        ("timm/vit_tiny_patch16_224", {"height": 8, "width": 8}, "smallest size that works is 16"),
        ("vit_b_16", {"height": 100, "width": 120}, "its own, 224 × 224, is sure to"),
        ("convnext_atto.no_such_tag", {}, "no model is called"),
        ("timm/convnext_ato", {}, "did you mean timm/convnext_atto"),
    ],
)
def test_impossible_requests(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        create_model(name, classes=10, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("fashion-cnn", (200, 300), (None, 28, 28)),
        ("smallcnn", (28, 28), (None, 28, 28)),
        ("smallcnn", (8, 8), (None, 16, 16)),
        ("smallcnn", (8, 12), (None, 16, 24)),
        ("smallcnn", (480, 640), (None, 96, 96)),
        ("resnet18", (28, 28), (3, 28, 28)),
        ("resnet18", (480, 640), (3, 224, 224)),
        ("torchvision/alexnet", (32, 32), (3, 63, 63)),
        ("inception_v3", (32, 32), (3, 299, 299)),
        ("timm/vit_tiny_patch16_224", (32, 32), (None, 224, 224)),
        ("timm/convnext_atto", (64, 40), (None, 64, 40)),
    ],
)
def test_input_size_for(
    name: str, data: tuple[int, int], expected: tuple[int | None, int, int]
) -> None:
    assert input_size_for(name, height=data[0], width=data[1]) == expected
