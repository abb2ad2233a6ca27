from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as transforms
from torch import nn

from nunbit.backbone.extract import VIEWS, extract, extract_several, stream, view_of
from nunbit.backbone.pieces import feature_extractor, multi_extractor
from nunbit.backbone.split_points import find_split_points
from nunbit.models import create_model
from tests.backbone.cases import N, batches_of, images_of


def network() -> nn.Module:
    return create_model("smallcnn", classes=3, generator_seed=0)


def test_features_are_what_the_network_gives_its_head_in_evaluation_mode() -> None:
    model = network().train()
    seen: list[torch.Tensor] = []
    handle = model.head[3].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        model.eval()(images_of(batches_of()))
    handle.remove()
    last = find_split_points(model, (1, 28, 28))[-1]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    found = extract(feature_extractor(model.train(), last), batches_of())
    assert (found.dtype, found.shape) == (np.float32, (N, 256))
    np.testing.assert_allclose(found, seen[0].numpy(), rtol=1e-4, atol=1e-6)
    assert all(module.training for module in model.modules())
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_the_batch_size_changes_nothing() -> None:
    piece = feature_extractor(network(), find_split_points(network(), (1, 28, 28))[0])
    one, many = (extract(piece, batches_of(batch_size=size)) for size in (1, N))
    np.testing.assert_allclose(one, many, rtol=1e-5, atol=1e-6)
    parts = list(stream(piece, batches_of(batch_size=10)))
    assert [len(part) for part in parts] == [10, 10, 3]


def test_several_cuts_in_one_pass_are_each_cut_alone() -> None:
    model = network()
    split_points = find_split_points(model, (1, 28, 28))
    together = extract_several(
        multi_extractor(model, split_points),
        batches_of(),
        pools=[split_points[0].pooled, None, split_points[2].pooled],
    )
    assert [found.shape for found in together] == [(N, 64), (N, 128, 7, 7), (N, 256)]
    for split_point, found, pool in zip(
        split_points, together, (split_points[0].pooled, None, None), strict=True
    ):
        alone = extract(feature_extractor(model, split_point), batches_of(), pool=pool)
        np.testing.assert_allclose(found, alone, rtol=1e-5, atol=1e-5)


def test_inside_autocast_features_are_still_float32() -> None:
    piece = feature_extractor(network(), find_split_points(network(), (1, 28, 28))[-1])
    plain = extract(piece, batches_of())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        np.testing.assert_array_equal(extract(piece, batches_of()), plain)


def test_no_image_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to extract"):
        extract(nn.Identity(), batches_of([]))


def test_a_view_is_what_torchvision_makes_of_the_images() -> None:
    images = torch.randn(3, 2, 16, 24)
    assert view_of(images, "centre") is images
    assert torch.equal(view_of(images, "mirror"), transforms.horizontal_flip(images))
    for view, (top, left) in {
        "upper-left": (0, 0),
        "upper-right": (0, 3),
        "lower-left": (2, 0),
        "lower-right": (2, 3),
    }.items():
        corner = transforms.resized_crop(images, top, left, 14, 21, [16, 24], antialias=False)
        torch.testing.assert_close(view_of(images, view), corner)  # type: ignore[arg-type]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_keeps_the_size_and_an_image_of_one_colour(view: str) -> None:
    images = torch.full((2, 3, 7, 9), 0.25)
    torch.testing.assert_close(view_of(images, view), images)  # type: ignore[arg-type]


def test_the_view_is_what_the_features_are_of() -> None:
    piece = feature_extractor(network(), find_split_points(network(), (1, 28, 28))[0])
    mirrored = extract(piece, batches_of(), view="mirror")
    with torch.no_grad():
        expected = piece.eval()(images_of(batches_of()).flip(-1))
    np.testing.assert_allclose(mirrored, expected.numpy(), rtol=1e-5, atol=1e-6)
