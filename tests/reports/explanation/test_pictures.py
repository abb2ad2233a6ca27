"""Filters, feature maps and their pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nunbit.errors import UsageError
from nunbit.explain.feature_maps import feature_maps_of
from nunbit.explain.filters import filters_of
from nunbit.reports.explanation.feature_strips import filter_strips, map_strip, unit_picture
from nunbit.reports.explanation.pictures import (
    AGAINST,
    FOR,
    enlarged,
    filter_pictures,
    grid,
    map_picture,
    overlay,
    scale_end,
    squares,
)
from tests.backbone.test_split_points import empty, small


def test_filters_are_the_weights_of_the_first_convolution() -> None:
    model, shape = small("resnet18")
    filters = filters_of(model, shape)
    assert (filters.layer, filters.in_colour) == ("conv1", True)
    np.testing.assert_array_equal(filters.weights, model.conv1.weight.detach().numpy())
    filters.weights[:] = 0
    assert model.conv1.weight.abs().sum() > 0  # a copy
    inner = filters_of(model, shape, "layer1.0.conv1")
    assert (inner.weights.shape, inner.in_colour) == ((64, 64, 3, 3), False)


def test_filters_behind_padding_are_in_colour_but_not_those_of_three_other_maps() -> None:
    padded, shape = small("googlenet-keras")
    assert filters_of(padded, shape).in_colour
    three = nn.Sequential(nn.Conv2d(3, 3, 3), nn.Conv2d(3, 5, 3), nn.Flatten(), nn.LazyLinear(2))
    three(torch.zeros(1, 3, 9, 9))
    assert filters_of(three, (3, 9, 9)).in_colour
    assert not filters_of(three, (3, 9, 9), "1").in_colour


def test_a_linear_layer_on_all_pixels_has_filters_like_the_image() -> None:
    model, shape = small("mlp-100")
    filters = filters_of(model, shape)
    assert filters.weights.shape == (100, 1, 28, 28)
    weights = model.get_submodule(filters.layer).weight.detach().numpy()
    np.testing.assert_array_equal(filters.weights.reshape(100, -1), weights)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("layer1", "name one with filters, such as layer1.0.conv1"),
        ("relu", "'relu' has no filters"),
        ("laier1", "no layer 'laier1'"),
    ],
)
def test_layers_without_filters_are_refused(layer: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        filters_of(empty("resnet18"), (3, 224, 224), layer)
    assert message in str(caught.value)


def test_a_network_without_filters_says_so() -> None:
    with pytest.raises(UsageError, match="no filters to show"):
        filters_of(empty("row-lstm"), (1, 28, 28))


def test_a_weight_of_zero_is_middle_grey_and_the_ends_are_black_and_white() -> None:
    weights = np.zeros((2, 3, 2, 2), dtype=np.float32)
    weights[0, 0, 0, 0], weights[0, 1, 0, 0] = 5, -5
    pictures = filter_pictures(weights, in_colour=True)
    assert pictures.shape == (2, 2, 2, 3)
    assert list(pictures[0, 0, 0]) == [255, 0, 128]
    assert (pictures[1] == 128).all()
    assert filter_pictures(weights, in_colour=False).shape == weights.shape


def test_the_strongest_maps_are_those_of_a_plain_loop() -> None:
    model, shape = small("smallcnn")
    images = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    found = feature_maps_of(model, images, ["features.0", "head.3"])
    with torch.no_grad():
        values = model.features[0](images).numpy()
    for image, (maps, head) in enumerate(found):
        np.testing.assert_allclose(maps.maps, values[image], atol=1e-6)
        strength = [np.mean([max(0.0, v) for v in one.ravel()]) for one in values[image]]
        np.testing.assert_allclose(maps.strength, strength, rtol=1e-4)
        assert list(maps.order) == sorted(range(64), key=lambda c: -maps.strength[c])
        assert maps.silent == sum(bool((one <= 0).all()) for one in values[image])
        assert head.maps.shape == (3, 1, 1)


def test_an_overlay_is_orange_for_blue_against_and_faded_grey_between() -> None:
    canvas = np.zeros((1, 4, 3), dtype=np.uint8)
    canvas[0, 3] = 255
    drawn = overlay(canvas, np.array([[2.0, -9.0, 0.0, 0.0]], dtype=np.float32), 1.0).astype(int)
    assert abs(drawn[0, 0] - np.array(FOR)).max() < 30
    assert abs(drawn[0, 1] - np.array(AGAINST)).max() < 30
    assert len(set(drawn[0, 2])) == 1  # grey
    assert list(drawn[0, 3]) == [255, 255, 255]
    grey = overlay(canvas[..., :1], np.zeros((1, 4), dtype=np.float32), 1.0)
    assert grey.shape == (1, 4, 3)


def test_scales_end_at_the_strongest_but_for_single_pixels() -> None:
    values = np.ones(1000, dtype=np.float32)
    values[0] = -1000
    assert scale_end(values) == 1
    assert scale_end(np.zeros(5, dtype=np.float32)) == 1  # nothing is divided by zero
    sparse = np.zeros(1000, dtype=np.float32)
    sparse[7] = 3
    assert scale_end(sparse) == 3


def test_maps_keep_their_order_of_brightness() -> None:
    values = np.array([[0.0, 1.0, 2.0, 5.0]], dtype=np.float32)
    light = map_picture(values, (0.0, 2.0)).astype(int).sum(axis=2)[0]
    assert light[0] < light[1] < light[2] == light[3]
    assert (map_picture(np.ones((2, 2), dtype=np.float32), (1.0, 1.0)) == [68, 1, 84]).all()


def test_grids_and_enlargements() -> None:
    tiles = [np.full((2, 3, 1), value, dtype=np.uint8) for value in (10, 20, 30)]
    whole = grid(tiles, columns=2, gap=1)
    assert whole.shape == (5, 7, 1)
    assert (whole[3:, :3] == 30).all()
    assert (whole[2] == 255).all()
    with pytest.raises(ValueError, match="pictures of one size"):
        grid([], columns=2)
    assert enlarged(tiles[0], 7).shape == (4, 6, 1)
    assert enlarged(tiles[0], 2).shape == (2, 3, 1)
    laid = squares(np.arange(5, dtype=np.float32))
    assert laid.shape == (2, 3)
    assert np.isnan(laid[1, 2])


def test_strips_say_what_they_show() -> None:
    model, shape = small("smallcnn")
    images = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0))
    ((maps, units),) = feature_maps_of(model, images, ["features.0", "head.3"])
    strip = map_strip(maps, "a.png")
    assert strip.remark.startswith("The strongest 12 of 64, from -")
    assert [int(shown.caption) for shown in strip.pictures] == list(maps.order[:12])
    assert strip.pictures[0].description.startswith("map of channel")
    alone = map_strip(units, "a.png")
    assert alone.wide
    assert "units of head.3" in alone.pictures[0].description
    assert unit_picture(units).shape == (2, 2, 3)
    heading, shown, remark = filter_strips(filters_of(model, shape))
    assert (heading, remark[:22]) == ("features.0 (Conv2d)", "64 filters of 1 × 3 × ")
    assert shown.source.startswith("data:image/png")
    assert "the first 16 of 64" in filter_strips(filters_of(model, shape, "features.4"))[2]
