from __future__ import annotations

import pytest
import torch
from torch import nn

from nunbit.errors import UsageError
from nunbit.models import create_model, model_info
from nunbit.models.head import HiddenHead, add_hidden_layer, head_input


@pytest.mark.parametrize(
    ("name", "layer", "features"),
    [
        ("resnet18", "fc", 512),
        ("vgg16", "classifier.6", 4096),
        ("googlenet", "fc", 1024),
        ("timm/efficientnet_lite0", "classifier", 1280),
        ("timm/convnext_atto", "head.fc", 320),
        ("vit_b_16", "heads.head", 768),
        ("mlp-100", "5", 100),
        ("lenet5-1998", "head.3", 84),
        ("row-lstm", "head", 128),
    ],
)
def test_the_head_is_the_layer_whose_output_is_the_networks(
    name: str, layer: str, features: int
) -> None:
    info = model_info(name)
    with torch.device("meta"):
        model = info.build(info.input, 7, None)
    assert head_input(model, info.input) == (layer, (features,))
    assert model.training
    assert model.get_submodule(layer).out_features == 7


def test_a_layer_that_is_not_the_last_word_is_no_head() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.ReLU())
    with pytest.raises(UsageError, match="does not end in a linear layer"):
        head_input(model, (1, 2, 2))
    assert not any(module._forward_hooks for module in model.modules())


def test_a_hidden_layer_takes_the_place_of_the_head() -> None:
    plain = create_model("resnet18", classes=3, generator_seed=0)
    deep = create_model("resnet18", classes=3, head_hidden=16, generator_seed=0)
    assert isinstance(deep.fc, HiddenHead)
    assert [tuple(p.shape) for p in deep.fc.parameters()] == [(16, 512), (16,), (3, 16), (3,)]
    assert deep.eval()(torch.randn(2, 3, 64, 64)).shape == (2, 3)
    assert head_input(deep, (3, 64, 64)) == ("fc", (512,))
    theirs = deep.state_dict()
    assert all(
        torch.equal(value, theirs[name])
        for name, value in plain.state_dict().items()
        if not name.startswith("fc.")
    )


def test_the_hidden_layer_depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, two, other = (
        create_model("smallcnn", classes=3, head_hidden=8, generator_seed=seed).state_dict()
        for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    assert not torch.equal(one["head.3.0.weight"], other["head.3.0.weight"])


def test_impossible_hidden_layers_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one unit, not 0"):
        create_model("smallcnn", classes=3, head_hidden=0)
    with pytest.raises(UsageError, match="does not end in a linear layer"):
        create_model("squeezenet1_0", classes=3, head_hidden=8)
    with pytest.raises(UsageError, match="a single layer"):
        add_hidden_layer(nn.Linear(4, 2), (4,), units=3)
    deep = create_model("smallcnn", classes=3, head_hidden=8)
    with pytest.raises(UsageError, match="has a hidden layer already"):
        add_hidden_layer(deep, (1, 28, 28), units=3)
