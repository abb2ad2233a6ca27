"""Features of a pretrained network, against timm's own way to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from sklearn.datasets import load_sample_images

from nunbit.checks.measurements import backbone as module
from nunbit.checks.measurements.backbone import Backbone, choose_backbone
from nunbit.errors import UsageError
from nunbit.models import create_model
from nunbit.models.pretrained import find_weights


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone("efficientnet-lite0")


def photographs() -> np.ndarray:
    return np.stack([p[100:324, 100:324] for p in load_sample_images().images])


def test_features_are_those_before_the_head(backbone: Backbone) -> None:
    network = timm.create_model("efficientnet_lite0", pretrained=False).eval()
    tensors = find_weights("efficientnet-lite0").load()
    network.load_state_dict(dict(tensors.state))
    images = (torch.from_numpy(photographs()).permute(0, 3, 1, 2) / 255 - 0.5) / 0.5
    with torch.no_grad():
        expected = network.forward_head(network.forward_features(images), pre_logits=True)
    np.testing.assert_allclose(backbone(photographs()), expected.numpy(), atol=1e-3)


def test_nothing_is_learned(backbone: Backbone) -> None:
    before = {name: tensor.clone() for name, tensor in backbone._body.state_dict().items()}
    one, two = backbone(photographs()), backbone(photographs())
    np.testing.assert_array_equal(one, two)
    after = backbone._body.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_grey_and_small_images_become_what_the_weights_want(backbone: Backbone) -> None:
    small = photographs()[:, ::3, ::3].mean(axis=3, keepdims=True).astype(np.uint8)
    prepared = backbone._prepared(small)
    assert prepared.shape == (2, 3, 224, 224)
    assert torch.equal(prepared[:, 0], prepared[:, 2])
    assert backbone(small).shape == (2, 1280)


def test_auto_takes_a_backbone_only_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    large = {"height": 224, "width": 224, "images": 5_000}
    assert choose_backbone("auto", **large) == "efficientnet-lite0"
    assert choose_backbone("auto", **{**large, "width": 64}) is None
    assert choose_backbone("auto", **{**large, "images": 5_001}) is None
    assert choose_backbone("none", **large) is None
    assert choose_backbone("resnet18", height=8, width=8, images=10**6) == "resnet18"
    absent = replace(find_weights("efficientnet-lite0"), here=lambda: None)
    monkeypatch.setattr(module, "find_weights", lambda _: absent)
    assert choose_backbone("auto", **large) is None


def test_weights_that_do_not_say_what_they_are_cannot_serve(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2, 2)}, tmp_path / "mine.safetensors")
    with pytest.raises(UsageError, match="do not say which network") as caught:
        Backbone(str(tmp_path / "mine.safetensors"))
    assert "efficientnet-lite0" in str(caught.value.remedy)


def test_a_network_that_ends_in_a_convolution_serves_too(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = replace(find_weights("efficientnet-lite0"), architecture="squeezenet1_1", classes=())
    monkeypatch.setattr(module, "find_weights", lambda _: weights)
    untrained = create_model("squeezenet1_1", classes=4, generator_seed=0)
    monkeypatch.setattr(module, "create_model", lambda *_, **__: untrained)
    features = Backbone("squeezenet1_1")(photographs())
    assert features.shape == (2, 512)
    assert not np.array_equal(features[0], features[1])
