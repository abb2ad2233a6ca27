from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nunbit.inference import forward, predict
from nunbit.models.create import create_model
from nunbit.models.tta import HorizontalFlipTTA
from nunbit.pipelines.evaluation import feature_map as mapping
from nunbit.pipelines.evaluation.feature_map import keep_features
from nunbit.types import Batch

SHAPE = (1, 8, 8)


class Small(nn.Module):
    """Features that a test can compute itself; the head works on a view of them."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(64, 5)
        self.head = nn.Linear(5, 3)

    def forward(self, images: Tensor) -> Tensor:
        return torch.as_tensor(self.head(torch.relu(self.body(images.flatten(1)))))


def batches(images: Tensor, size: int) -> list[Batch]:
    places = range(0, len(images), size)
    return [
        Batch(
            images=images[start : start + size],
            targets=torch.zeros(len(images[start : start + size]), dtype=torch.int64),
            indices=np.arange(start, min(start + size, len(images))),
        )
        for start in places
    ]


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in model.modules())


@pytest.fixture
def images() -> Tensor:
    return torch.randn((23, *SHAPE), generator=torch.Generator().manual_seed(0))


def test_features_are_what_the_last_layer_is_given(images: Tensor) -> None:
    model = Small().train()
    with keep_features(model, SHAPE, n=23, seed=0) as kept:
        found = predict(model, batches(images, 7))
    features = kept.features
    assert features is not None
    with torch.no_grad():
        expected = torch.relu(model.body(images.flatten(1)))
    np.testing.assert_allclose(features.values, expected.numpy(), rtol=1e-5, atol=1e-6)
    # What the head makes of them is what the network said.
    with torch.no_grad():
        again = model.head(torch.from_numpy(features.values)).numpy()
    np.testing.assert_allclose(again, found.logits, rtol=1e-5, atol=1e-6)
    assert features.rows.tolist() == list(range(23))
    assert features.layer == "head"
    assert hooks(model) == 0
    assert model.training


def test_of_two_passes_over_each_batch_the_first_counts(images: Tensor) -> None:
    model = Small()
    with keep_features(model, SHAPE, n=23, seed=0, passes=2) as kept:
        predict(HorizontalFlipTTA(model), batches(images, 7))
    assert kept.features is not None
    with torch.no_grad():
        expected = torch.relu(model.body(images.flatten(1)))
    np.testing.assert_allclose(kept.features.values, expected.numpy(), rtol=1e-5, atol=1e-6)


def test_of_very_many_images_some_are_kept(images: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "MAX_IMAGES", 9)
    model = Small()
    with keep_features(model, SHAPE, n=23, seed=0) as kept:
        predict(model, batches(images, 4))
    features = kept.features
    assert features is not None
    assert len(features.values) == 9
    with torch.no_grad():
        expected = torch.relu(model.body(images[torch.from_numpy(features.rows)].flatten(1)))
    np.testing.assert_allclose(features.values, expected.numpy(), rtol=1e-5, atol=1e-6)


def test_nothing_stays_on_the_network_after_a_failure(images: Tensor) -> None:
    model = Small()
    with (
        pytest.raises(RuntimeError, match="mat1 and mat2"),
        keep_features(model, SHAPE, n=23, seed=0),
    ):
        forward(model, images[..., :3])
    assert hooks(model) == 0


def test_a_pass_over_other_images_gives_no_features(images: Tensor) -> None:
    model = Small()
    with keep_features(model, SHAPE, n=23, seed=0) as kept:
        predict(model, batches(images[:20], 7))
    assert kept.features is None
    assert "not kept in their order" in kept.missing


def test_a_network_that_ends_otherwise_says_so() -> None:
    model = create_model("squeezenet1_0", classes=3, channels=3, height=32, width=32)
    with keep_features(model, (3, 32, 32), n=2, seed=0) as kept:
        assert hooks(model) == 0
        predict(model, batches(torch.zeros((2, 3, 32, 32)), 2))
    assert kept.features is None
    assert kept.missing == ("the network does not end in a linear layer whose input could be drawn")
