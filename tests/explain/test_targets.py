"""The layer of Grad-CAM, for all kinds of networks; the messages where there is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from nunbit.errors import UsageError
from nunbit.explain.attribution import attribute
from nunbit.explain.targets import Layout, grad_cam_layer
from nunbit.models import create_model

PUBLISHED_CHOICE = {
    # At the published size it is the end of the convolutions, as the papers on these have it.
    ("resnet18", 224): "layer4",
    ("squeezenet1_0", 224): "features",
    ("mobilenet_v3_small", 224): "features",
    ("googlenet", 224): "inception5b",
    ("timm/vit_tiny_patch16_224", 224): "blocks.10",
    # Of smaller images the last maps would be 1 x 1 or 2 x 2.
    ("resnet18", 32): "layer1",
    ("smallcnn", 28): "features.13",
}


@pytest.mark.parametrize(("name", "side"), PUBLISHED_CHOICE)
def test_the_layer_is_the_end_of_the_last_maps_that_are_fine_enough(name: str, side: int) -> None:
    channels = 1 if name == "smallcnn" else 3
    model = create_model(
        name, classes=3, channels=channels, height=side, width=side, generator_seed=0
    )
    assert grad_cam_layer(model, (channels, side, side)) == PUBLISHED_CHOICE[name, side]


class ChannelsLast(nn.Module):
    """A stage whose maps are [B, h, w, C], and then one more convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 2, stride=2)
        self.block = nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 6), nn.GELU())
        self.head = nn.Linear(6, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.block(self.stem(images).permute(0, 2, 3, 1)).mean(dim=(1, 2)))


class Tokens(nn.Module):
    """A class token and one for each patch; the head reads the class token, or their mean."""

    def __init__(self, *, reads_class_token: bool) -> None:
        super().__init__()
        self.reads_class_token = reads_class_token
        self.patches = nn.Conv2d(1, 6, 2, stride=2)
        self.class_token = nn.Parameter(torch.randn(1, 1, 6))
        self.before = nn.LayerNorm(6)
        self.attention = nn.MultiheadAttention(6, 1, batch_first=True)
        self.after = nn.LayerNorm(6)
        self.head = nn.Linear(6, 3)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), patches], dim=1)
        tokens = self.before(tokens)
        tokens = self.after(tokens + self.attention(tokens, tokens, tokens)[0])
        return self.head(tokens[:, 0] if self.reads_class_token else tokens.mean(dim=1))


def by_hand(model: nn.Module, layer: str, images: Tensor, layout: Layout) -> Tensor:
    """Grad-CAM of class 1 at the layer's own size, [B, h, w]."""
    kept: list[Tensor] = []

    def keep(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        kept.append(output)

    handle = model.get_submodule(layer).register_forward_hook(keep)
    score = model(images)[:, 1].sum()
    handle.remove()
    (gradient,) = torch.autograd.grad(score, kept[0])
    maps, slope = layout.maps(kept[0]), layout.maps(gradient)
    return (slope.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1).clamp(min=0).detach()


@pytest.mark.parametrize(
    ("build", "layer", "kind", "others"),
    [
        (ChannelsLast, "block", "channels last", 0),
        (partial(Tokens, reads_class_token=True), "before", "tokens", 1),
        (partial(Tokens, reads_class_token=False), "after", "tokens", 1),
    ],
)
def test_maps_in_other_layouts(
    build: Callable[[], nn.Module], layer: str, kind: str, others: int
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build()
    images = torch.randn(2, 1, 8, 12, generator=torch.Generator().manual_seed(0))
    assert grad_cam_layer(model, (1, 8, 12)) == layer
    layout = Layout(height=4, width=6, kind=kind, others=others)
    found = attribute(model, images, torch.tensor([1, 1]), method="grad-cam")
    expected = by_hand(model, layer, images, layout)[:, None]
    enlarged = nn.functional.interpolate(expected, (8, 12), mode="bilinear")[:, 0]
    torch.testing.assert_close(torch.from_numpy(found), enlarged)
    assert found.max() > 0


def test_a_layout_and_back() -> None:
    output = torch.randn(2, 7, 5)
    layout = Layout(height=2, width=3, kind="tokens", others=1)
    maps = layout.maps(output)
    assert torch.equal(maps[1, :, 1, 2], output[1, 6])
    assert torch.equal(layout.output(maps, output), output)


@pytest.mark.parametrize("name", ["mlp-100", "row-lstm", "rbm"])
def test_networks_without_maps_name_other_methods(name: str) -> None:
    model = create_model(name, classes=3, generator_seed=0)
    with pytest.raises(UsageError, match="Grad-CAM needs maps of the image") as caught:
        grad_cam_layer(model, (1, 28, 28))
    assert "integrated-gradients or occlusion" in caught.value.remedy


def chosen_by_hand(layer: str, model: nn.Module | None = None) -> None:
    images = torch.zeros(1, 1, 8, 12)
    model = Tokens(reads_class_token=True) if model is None else model
    attribute(model, images, torch.tensor([0]), method="grad-cam", layer=layer)


@pytest.mark.parametrize(
    ("layer", "message", "remedy"),
    [
        ("befor", "no layer called 'befor'", "did you mean before?"),
        ("attention", "does not run when the network predicts, or gives no single", "leave it out"),
        ("head", r"gives \[3\] for an image, and no maps", "leave it out"),
        ("after", "does not reach the network's answer", "an earlier layer"),
    ],
)
def test_layers_that_do_not_suit(layer: str, message: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        chosen_by_hand(layer)
    assert remedy in caught.value.remedy


def test_a_layer_that_runs_twice_is_refused() -> None:
    shared = nn.ReLU(inplace=True)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), shared, nn.Conv2d(4, 4, 3), shared, nn.Flatten(), nn.Linear(128, 2)
    )
    with pytest.raises(UsageError, match="the layer 1 runs 2 times in one pass"):
        chosen_by_hand("1", model)
    assert shared.inplace is True


def test_a_head_that_begins_at_zero_does_not_matter() -> None:
    model = Tokens(reads_class_token=True)
    nn.init.zeros_(model.head.weight)
    assert grad_cam_layer(model, (1, 8, 12)) == "before"


def test_coarse_maps_repeated_to_a_size_are_no_finer_maps() -> None:
    """As in VGG on small images, whose head wants 7 x 7."""
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4),
        nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(4 * 49, 2),
    )  # fmt: skip
    assert grad_cam_layer(model, (1, 8, 8)) == "1"
    with pytest.raises(UsageError, match=r"the layer 3 gives \[4, 7, 7\] for an image, and no"):
        attribute(model, torch.zeros(1, 1, 8, 8), torch.tensor([0]), method="grad-cam", layer="3")
