"""Maps against captum's own, plain loops and arithmetic; and what must stay as it was."""

from __future__ import annotations

import copy
import importlib.util

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from captum.attr import IntegratedGradients, LayerAttribution, LayerGradCam
from torch import Tensor, nn

from nunbit.errors import UsageError
from nunbit.explain.attribution import (
    METHODS,
    Method,
    _positions,
    _stride,
    _window,
    attribute,
    explainer,
    passes,
)
from tests.explain.trained import mass_inside, trained_network, unseen


class Tampering(nn.Module):
    """A network that overwrites what its layers gave, in the ways that networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.act = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        first = self.act(self.first(images))
        maps = self.norm(self.second(first))
        maps += first
        return self.head(F.relu(maps, inplace=True).mean(dim=(2, 3)))


def tampering() -> nn.Module:
    torch.manual_seed(0)
    return Tampering().eval()


def some_images(channels: int = 3, side: int = 12, batch: int = 3) -> Tensor:
    return torch.randn(batch, channels, side, side, generator=torch.Generator().manual_seed(1))


CLASSES = torch.tensor([0, 3, 1])


@pytest.mark.parametrize("layer", ["first", "norm"])
def test_grad_cam_is_captums(layer: str) -> None:
    model, images = tampering(), some_images()
    expected = LayerGradCam(model, model.get_submodule(layer)).attribute(
        images.clone().requires_grad_(), CLASSES, relu_attributions=True
    )
    found = attribute(model, images, CLASSES, method="grad-cam", layer=layer)
    enlarged = LayerAttribution.interpolate(expected, (12, 12), "bilinear")[:, 0]
    np.testing.assert_allclose(found, enlarged.detach().numpy(), rtol=1e-5, atol=1e-7)
    assert found.max() > 0
    assert found.dtype == np.float32


def test_grad_cam_by_hand_before_an_in_place_activation() -> None:
    """The layer's output is meant, not what an in-place ReLU makes of it afterwards."""
    model, images = tampering(), some_images()
    assert isinstance(model, Tampering)
    maps = model.first(images).detach().requires_grad_()
    first = F.relu(maps)
    logits = model.head(F.relu(model.norm(model.second(first)) + first).mean(dim=(2, 3)))
    (gradient,) = torch.autograd.grad(logits.gather(1, CLASSES[:, None]).sum(), maps)
    expected = F.relu((gradient.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1))
    found = attribute(model, images, CLASSES, method="grad-cam", layer="first")
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-5, atol=1e-7)
    assert float(maps.detach().min()) < 0


def test_integrated_gradients_are_captums_and_complete() -> None:
    model, given = trained_network(), unseen(5)
    baseline = torch.full_like(given.images[0], -0.5)
    found = attribute(
        model, given.images, given.labels, method="integrated-gradients", baseline=baseline
    )
    expected = IntegratedGradients(model).attribute(
        given.images, baseline.expand_as(given.images), given.labels, n_steps=100
    )
    exact = expected.sum(dim=1).detach().numpy()
    error = np.linalg.norm(found - exact, axis=(1, 2)) / np.linalg.norm(exact, axis=(1, 2))
    assert error.max() < 0.15  # 32 points on the way instead of 100
    with torch.no_grad():
        rows = given.labels[:, None]
        difference = model(given.images).gather(1, rows) - model(baseline[None]).T[given.labels]
    sums = found.sum(axis=(1, 2))
    np.testing.assert_allclose(sums, difference[:, 0].numpy(), rtol=0.05, atol=0.1)


def test_integrated_gradients_of_a_linear_network_are_exact() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 5 * 5, 4))
    images = some_images(side=5)
    found = attribute(model, images, CLASSES, method="integrated-gradients")
    weights = model[1].weight.detach()[CLASSES].reshape(images.shape)
    np.testing.assert_allclose(found, (weights * images).sum(dim=1).numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 3])
def test_occlusion_is_a_plain_loop(batch: int) -> None:
    model, images = tampering(), some_images(batch=3)[:batch, :, :11]
    baseline = torch.linspace(-1, 1, images[0].numel()).reshape(images[0].shape)
    found = attribute(model, images, CLASSES[:batch], method="occlusion", baseline=baseline)
    for i, image in enumerate(images):
        total, times = np.zeros(image.shape[1:]), np.zeros(image.shape[1:])
        with torch.no_grad():
            score = float(model(image[None])[0, CLASSES[i]])
            for row in range(_positions(11)):
                for column in range(_positions(12)):
                    down, right = row * _stride(11), column * _stride(12)
                    here = (slice(down, down + _window(11)), slice(right, right + _window(12)))
                    covered = image.clone()
                    covered[:, *here] = baseline[:, *here]
                    total[here] += score - float(model(covered[None])[0, CLASSES[i]])
                    times[here] += 1
        assert times.min() > 0
        np.testing.assert_allclose(found[i], total / times, atol=1e-5)


def test_gradients_are_autograds() -> None:
    model, images = tampering(), some_images()
    given = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(given).gather(1, CLASSES[:, None]).sum(), given)
    found = attribute(model, images, CLASSES, method="gradients")
    np.testing.assert_allclose(found, gradient.abs().amax(dim=1).numpy(), rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_maps_do_not_depend_on_the_batch(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = trained_network(), unseen(5)
    together = attribute(model, given.images[:4], given.labels[:4], method=method)
    monkeypatch.setattr("nunbit.explain.attribution.inference_batch_size", lambda *_: 3)
    apart = attribute(model, given.images[:4], given.labels[:4], method=method)
    np.testing.assert_allclose(together, apart, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_changed(method: Method) -> None:
    model, images = tampering(), some_images()
    model.train()
    model.get_submodule("norm").eval()
    for parameter in model.get_submodule("first").parameters():
        parameter.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    kept = images.clone()
    with torch.no_grad():  # somebody else's mode
        attribute(model, images, CLASSES, method=method)
    assert torch.equal(images, kept)
    assert not images.requires_grad
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.get_submodule("first").weight.requires_grad  # type: ignore[union-attr]
    assert model.training
    assert not model.get_submodule("norm").training
    assert model.get_submodule("act").inplace is True
    assert count_hooks(model) == 0


def count_hooks(model: nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)


@pytest.mark.parametrize("method", METHODS)
def test_everything_is_given_back_after_an_error(method: Method) -> None:
    model = tampering().train()
    with pytest.raises(RuntimeError):
        attribute(model, some_images(channels=5), CLASSES, method=method)
    assert count_hooks(model) == 0
    assert model.training
    assert model.get_submodule("act").inplace is True


def test_frozen_networks_are_explained() -> None:
    free, frozen = tampering(), tampering().requires_grad_(False)
    for method in METHODS:
        np.testing.assert_array_equal(
            attribute(free, some_images(), CLASSES, method=method),
            attribute(frozen, some_images(), CLASSES, method=method),
        )


@pytest.mark.parametrize(
    ("method", "least"),
    [("grad-cam", 0.4), ("integrated-gradients", 0.7), ("occlusion", 0.5), ("gradients", 0.25)],
)
def test_maps_lie_where_the_evidence_is(method: Method, least: float) -> None:
    """The shape covers a tenth of the image, and so would a map at random."""
    given = unseen(30)
    maps = attribute(trained_network(), given.images, given.labels, method=method)
    assert np.nanmean(mass_inside(maps, given.inside)) > least
    assert given.inside.mean() < 0.11


@pytest.mark.parametrize("method", METHODS)
def test_what_is_unsigned_is_not_negative(method: Method) -> None:
    given = unseen(5)
    maps = attribute(trained_network(), given.images, given.labels, method=method)
    assert maps.shape == (5, 28, 28)
    assert (maps.min() < 0) == METHODS[method].signed


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 2)
        self.seen = 0

    def forward(self, images: Tensor) -> Tensor:
        self.seen += len(images)
        return self.head(images.mean(dim=(1, 2, 3))[:, None])


@pytest.mark.parametrize("side", [5, 8, 28, 32, 224])
@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion", "gradients"])
def test_passes_are_as_stated(method: Method, side: int) -> None:
    model = Counting()
    attribute(model, torch.zeros(1, 1, side, side), torch.tensor([0]), method=method)
    forward_and_back = 1 if method == "occlusion" else 3
    # captum asks once more for the size of the output.
    assert 0 <= model.seen * forward_and_back - passes(method, height=side, width=side) <= 3
    assert passes(method, height=side, width=side) <= 122


def test_any_size_is_explained_in_bounded_time() -> None:
    most = max(passes("occlusion", height=side, width=side) for side in range(1, 600))
    assert most <= 122


def test_explainer_fills_settings_in() -> None:
    model, images = tampering(), some_images()
    np.testing.assert_array_equal(
        explainer("grad-cam", layer="norm")(model, images, CLASSES),
        attribute(model, images, CLASSES, method="grad-cam", layer="norm"),
    )


def test_an_unknown_method_suggests_one() -> None:
    with pytest.raises(UsageError, match="no attribution method is called 'gradcam'") as caught:
        attribute(tampering(), some_images(), CLASSES, method="gradcam")  # type: ignore[arg-type]
    assert caught.value.remedy == "did you mean grad-cam?"


def test_missing_captum_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="Occlusion needs captum") as caught:
        attribute(tampering(), some_images(), CLASSES, method="occlusion")
    assert caught.value.remedy == 'python -m pip install "nunbit[explain]"'
    assert attribute(tampering(), some_images(), CLASSES, method="gradients").any()


def test_images_and_classes_must_fit() -> None:
    with pytest.raises(ValueError, match=r"not \[3, 3, 12, 12\] and \[2\]"):
        attribute(tampering(), some_images(), CLASSES[:2], method="gradients")
