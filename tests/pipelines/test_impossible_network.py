"""A network that cannot be had is refused before any image is decoded."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nunbit.config import load_config
from nunbit.errors import UsageError
from nunbit.pipelines import dataset
from nunbit.pipelines.training.network import check_batches_of_one


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("pixels.image_size", "4", "fashion-cnn cannot work on images of 4 × 4 pixels"),
        ("model.dropout", "[0.1, 0.2]", "fashion-cnn has 1 dropout layer"),
    ],
)
def test_an_impossible_network_is_refused_before_decoding(
    key: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decoded(*arguments: object, **options: object) -> None:
        raise AssertionError("decoding may take hours")

    monkeypatch.setattr(dataset, "open_pixels", decoded)
    wishes = {"model.name": "fashion-cnn", key: value}
    config = load_config(data="digits", recipe=None, settings=wishes)
    found = dataset.inspect_data(config)
    with pytest.raises(UsageError, match=message):
        dataset.decode_data(*found, config, device=torch.device("cpu"))


class PooledToOnePixel(nn.Module):
    """Batch normalisation over a map of one pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Flatten()
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layers(images)
        return out


def test_batches_of_one_image_are_refused_where_one_pixel_is_normalised() -> None:
    network = PooledToOnePixel()
    draws = torch.get_rng_state()
    with pytest.raises(UsageError, match="its last map is a single pixel") as failure:
        check_batches_of_one(network, (3, 8, 8), model="pooled", batch_size=1)
    assert "training.batch_size=2" in failure.value.remedy
    check_batches_of_one(network, (3, 8, 8), model="pooled", batch_size=2)
    larger = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5))
    check_batches_of_one(larger, (3, 8, 8), model="larger", batch_size=1)
    assert torch.equal(torch.get_rng_state(), draws)
    assert larger[0].running_mean.abs().sum() == 0  # type: ignore[union-attr]
