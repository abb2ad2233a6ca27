"""What every model of nunbit's own keeps to, and requests that none can meet."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import warnings

import pytest
import torch
from torch import Tensor, nn

from nunbit.errors import UsageError
from nunbit.models import create_model, input_size_for, list_models, model_info
from nunbit.models.catalog import CATALOGUE
from nunbit.models.networks.smallcnn import stage_widths
from nunbit.models.summary import summarise_name
from nunbit.models.zoo import timm_names, torchvision_names
from tests.models.inputs import random_inputs, reduced


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def modules(model: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, kind)]


IMAGES = [name for name, info in CATALOGUE.items() if info.takes == "images"]


@pytest.mark.parametrize("side", [8, 28, 32, 33, 64, 96, 224])
def test_smallcnn_parameters_by_sum(side: int) -> None:
    widths = stage_widths(side)
    channels, classes = 3, 7
    total, before = 0, channels
    for width in widths:
        total += 9 * before * width + 9 * width * width + 2 * 2 * width
        before = width
    total += (before + 1) * classes
    model = create_model("smallcnn", classes=classes, channels=channels, height=side, width=side)
    assert count(model) == total


@pytest.mark.parametrize("side", range(8, 225, 12))
def test_smallcnn_last_maps_measure_1_to_4_pixels(side: int) -> None:
    model = create_model("smallcnn", classes=2, channels=1, height=side, width=side).eval()
    maps = model.get_submodule("features")(torch.zeros(1, 1, side, side))
    assert 1 <= maps.shape[2] <= 4


@pytest.mark.parametrize("name", CATALOGUE)
def test_logits_and_gradients(name: str) -> None:
    info = model_info(name)
    for channels in info.channels:
        shape = reduced(info, channels)
        size = dict(zip(("channels", "height", "width"), shape, strict=True))
        model = create_model(name, classes=5, **size, generator_seed=0)
        inputs = random_inputs(info, shape)
        if info.takes == "images":
            inputs = (inputs[0].to(memory_format=torch.channels_last),)
        logits: Tensor = model(*inputs)
        assert logits.shape == (4, 5)
        nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 3])).backward()
        for parameter_name, parameter in model.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name
        # Logits, not probabilities: no softmax hides in the network, no sigmoid ends it.
        assert not modules(model, nn.Softmax)
        assert not torch.allclose(logits.sum(dim=1), torch.ones(4))
        assert isinstance([*model.modules()][-1], nn.Linear)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_name_alone_gives_the_published_form(name: str) -> None:
    info = model_info(name)
    with torch.device("meta"):  # without values, so that VGG costs nothing
        model = create_model(name).eval()
        assert model(*info.example(info.input)).shape == (2, info.classes)
    assert info.parameters in (None, count(model))


def test_an_encoder_needs_a_number_of_classes() -> None:
    encoder = "timm/vit_pe_spatial_tiny_patch16_512"
    assert model_info(encoder).classes == 0
    with pytest.raises(UsageError, match="published without classes"):
        create_model(encoder)


@pytest.mark.parametrize("name", IMAGES)
def test_the_smallest_size_works_and_one_pixel_less_does_not(name: str) -> None:
    least = model_info(name).minimum_size
    model = create_model(name, classes=3, height=least, width=least)
    channels = model_info(name).input.channels
    assert model(torch.zeros(2, channels, least, least)).shape == (2, 3)
    if least > 1:
        with pytest.raises(UsageError, match=f"the smallest size that works is {least} × {least}"):
            create_model(name, classes=3, height=least - 1, width=least - 1)


@pytest.mark.parametrize("name", IMAGES)
def test_other_sizes_and_oblong_images(name: str) -> None:
    height = max(40, model_info(name).minimum_size)
    model = create_model(name, classes=3, channels=3, height=height, width=height + 12).eval()
    assert model(torch.zeros(1, 3, height, height + 12)).shape == (1, 3)


@pytest.mark.parametrize("name", ["perceptron", "xor-mlp", "gcn"])
def test_any_number_of_features(name: str) -> None:
    info = model_info(name)
    model = create_model(name, classes=3, width=17)
    shape = info.input._replace(width=17)
    assert model(*random_inputs(info, shape)).shape == (4, 3)


@pytest.mark.parametrize("name", IMAGES)
def test_the_smallest_size_of_the_table_is_the_one_that_trying_finds(name: str) -> None:
    least = model_info(name).minimum_size
    tried = dataclasses.replace(model_info(name), min_size=None)
    shape = tried.input._replace(height=least, width=least)
    assert tried.accepts(shape)
    if least > 1:
        assert not tried.accepts(shape._replace(height=least - 1))
    for more in (1, 3):
        assert tried.accepts(shape._replace(height=least + more, width=least + 2 * more))


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_multiply_adds_of_the_table_are_those_that_counting_finds(name: str) -> None:
    known = model_info(name).multiply_adds
    assert known in (None, summarise_name(name, measure=False).multiply_adds)


def test_smallcnn_takes_8_pixels() -> None:
    assert model_info("smallcnn").minimum_size <= 8


def test_seed_alone_decides_the_weights() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = create_model("fashion-cnn", classes=10, height=20, width=20, generator_seed=7)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    again = create_model("fashion-cnn", classes=10, height=20, width=20, generator_seed=7)
    other = create_model("fashion-cnn", classes=10, height=20, width=20, generator_seed=8)
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


def test_without_a_seed_the_global_generator_decides() -> None:
    def first_weights(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return next(create_model("lenet5", classes=2).parameters())

    assert torch.equal(first_weights(3), first_weights(3))
    assert not torch.equal(first_weights(3), first_weights(4))


@pytest.mark.parametrize(
    ("dropout", "expected"),
    [(None, [0.2, 0.2]), (0, [0, 0]), (0.2, [0.2, 0.2]), ((0.25, 0), [0.25, 0])],
)
def test_variants_of_fashion_dnn(
    dropout: float | tuple[float, ...] | None, expected: list[float]
) -> None:
    model = create_model("fashion-dnn", classes=10, dropout=dropout)
    assert [layer.p for layer in modules(model, nn.Dropout)] == expected  # type: ignore[attr-defined]


def test_published_dropout() -> None:
    cnn = create_model("fashion-cnn", classes=10)
    assert [layer.p for layer in modules(cnn, nn.Dropout)] == [0.25]  # type: ignore[attr-defined]
    mnist = create_model("mnist-cnn", classes=10)
    assert [type(m).__name__ for m in modules(mnist, nn.modules.dropout._DropoutNd)] == [
        "Dropout2d",
        "Dropout",
    ]


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_number_of_dropout_layers_is_as_stated(name: str) -> None:
    info = model_info(name)
    with torch.device("meta"):
        own = info.build(info.input, info.classes, None)
        other = info.build(info.input, info.classes, 0.125 if info.dropouts else None)
    assert len(modules(own, nn.modules.dropout._DropoutNd)) == info.dropouts
    for layer in modules(other, nn.modules.dropout._DropoutNd):
        assert layer.p == 0.125  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("fashion-cm", {}, "did you mean fashion-cnn"),
        ("resnet19", {}, "did you mean resnet1"),
        ("torchvision/fashion-cnn", {}, "no model is called 'torchvision/fashion-cnn'"),
        ("qqqqqqqqqq", {}, "`nunbit models` lists all names"),
        ("lenet5", {"channels": 4}, "takes images with 1 or 3 channels, not 4"),
        ("lenet5", {"dropout": 0.5}, "lenet5 has no dropout layer"),
        ("fashion-dnn", {"dropout": 1.0}, "from 0 to below 1, not 1.0"),
        ("fashion-dnn", {"dropout": (0.1, 0.1, 0.1)}, "has 2 dropout layer"),
        ("lenet5", {"height": 0}, "0 × 32 pixels is empty"),
        ("alexnet", {"height": 64, "width": 64}, "the smallest size that works is 67 × 67"),
        ("xor-mlp", {"channels": 1, "height": 28, "width": 28}, "xor-mlp takes features, not"),
        ("gcn", {"channels": 3, "height": 28, "width": 28}, "gcn takes graphs, not images"),
    ],
)
def test_impossible_requests(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        create_model(name, classes=10, **arguments)  # type: ignore[arg-type]


def test_no_classes() -> None:
    with pytest.raises(UsageError, match="at least one class"):
        create_model("lenet5", classes=0)


def test_listing() -> None:
    names = [info.name for info in list_models()]
    assert names[: len(CATALOGUE)] == list(CATALOGUE)
    assert len(names) == len(set(names))
    assert {"torchvision/resnet18", "timm/convnext_atto"} <= set(names)
    assert [info.name for info in list_models("Fashion")] == ["fashion-dnn", "fashion-cnn"]
    assert "torchvision/resnet18" in [info.name for info in list_models("resnet1?")]
    assert list_models("no such word") == ()


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_bare_name_that_hides_a_zoos_says_so(name: str) -> None:
    for origin, names in (("torchvision", torchvision_names()), ("timm", timm_names())):
        if name in names:
            assert f"{origin}/{name}" in model_info(name).source
            assert model_info(f"{origin}/{name}").origin == origin


@pytest.mark.parametrize("name", ["perceptron", "xor-mlp", "gcn"])
def test_what_takes_no_images_is_refused_for_images(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} takes .*, not images"):
        input_size_for(name, height=28, width=28)


def test_every_listed_name_is_found_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for info in list_models():
            assert model_info(info.name).name == info.name


def test_own_models_do_without_the_zoos() -> None:
    code = (
        "import sys; from nunbit.models import create_model; "
        "create_model('smallcnn', classes=2, height=20, width=20); "
        "print(sorted({'timm', 'torchvision'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
