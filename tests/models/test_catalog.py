"""The whole table of nunbit's own models, against published counts and shapes."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest
import torch
from torch import Tensor, nn

from nunbit.errors import UsageError
from nunbit.models import create_model, list_models, model_info
from nunbit.models.catalog import CATALOGUE
from nunbit.models.smallcnn import stage_widths

PUBLISHED = {  # name: (input, classes, trainable parameters), from the course's layer tables
    "fashion-dnn": ((1, 28, 28), 10, 235_146),
    "fashion-cnn": ((1, 28, 28), 10, 1_475_338),
    "mnist-cnn": ((1, 28, 28), 10, 21_840),
    "cifar-small": ((3, 32, 32), 10, 62_006),
    "lenet5": ((1, 32, 32), 2, 61_026),
}


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def modules(model: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, kind)]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_form(name: str) -> None:
    shape, classes, parameters = PUBLISHED[name]
    info = model_info(name)
    assert tuple(info.input) == shape
    assert (info.parameters, info.classes) == (parameters, classes)
    assert count(create_model(name, classes=classes)) == parameters


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


def test_smallcnn_at_28_pixels_is_pinned() -> None:
    assert count(create_model("smallcnn", classes=10)) == 288_170


@pytest.mark.parametrize("side", range(8, 225, 12))
def test_smallcnn_last_maps_measure_2_to_8_pixels(side: int) -> None:
    model = create_model("smallcnn", classes=2, channels=1, height=side, width=side)
    maps = model.get_submodule("features")(torch.zeros(1, 1, side, side))
    assert 2 <= maps.shape[2] <= 8


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("channels", [1, 3])
def test_logits_and_gradients(name: str, channels: int) -> None:
    model = create_model(name, classes=5, channels=channels, generator_seed=0)
    info = model_info(name)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(
        4, channels, info.default_height, info.default_width, generator=generator
    ).to(memory_format=torch.channels_last)
    logits: Tensor = model(images)
    assert logits.shape == (4, 5)
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 3])).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
    # Logits, not probabilities: no softmax hides in the network.
    assert not torch.allclose(logits.sum(dim=1), torch.ones(4))
    assert not modules(model, nn.Softmax)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_smallest_size_works_and_one_pixel_less_does_not(name: str) -> None:
    least = model_info(name).minimum_size
    model = create_model(name, classes=3, height=least, width=least)
    channels = model_info(name).input.channels
    assert model(torch.zeros(2, channels, least, least)).shape == (2, 3)
    if least > 1:
        with pytest.raises(UsageError, match=f"the smallest size that works is {least} x {least}"):
            create_model(name, classes=3, height=least - 1, width=least - 1)


@pytest.mark.parametrize("name", CATALOGUE)
def test_other_sizes_and_oblong_images(name: str) -> None:
    model = create_model(name, classes=3, channels=3, height=40, width=52)
    assert model(torch.zeros(2, 3, 40, 52)).shape == (2, 3)


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
    model = create_model(name, classes=10)
    assert len(modules(model, nn.modules.dropout._DropoutNd)) == model_info(name).dropouts


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
        ("lenet5", {"height": 0}, "0 x 32 pixels is empty"),
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
