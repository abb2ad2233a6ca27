"""A network that cannot be had is refused before any image is decoded."""

from __future__ import annotations

import pytest
import torch

from nunbit.config import load_config
from nunbit.errors import UsageError
from nunbit.pipelines import dataset


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
