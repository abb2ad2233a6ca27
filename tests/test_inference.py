from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nunbit.data.batches import inference_batch_size
from nunbit.inference import predict
from nunbit.models import create_model
from nunbit.types import Batch


def batch(start: int, size: int, *, channels: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(start)
    return Batch(
        images=torch.randn(size, channels, 28, 28, generator=generator),
        targets=torch.arange(size) % 3,
        indices=np.arange(start, start + size),
    )


def test_order_labels_and_indices_are_kept() -> None:
    model = create_model("fashion-dnn", classes=3, generator_seed=0)
    batches = [batch(10, 4), batch(0, 1), batch(20, 3)]
    predictions = predict(model, batches)
    assert predictions.indices.tolist() == [10, 11, 12, 13, 0, 20, 21, 22]
    assert predictions.labels.tolist() == [0, 1, 2, 0, 0, 0, 1, 2]
    with torch.no_grad():
        expected = model.eval()(torch.cat([b.images for b in batches])).numpy()
    np.testing.assert_allclose(predictions.logits, expected, rtol=1e-5, atol=1e-6)
    assert predictions.logits.dtype == np.float32


def test_one_image_at_a_time_gives_the_same_as_many() -> None:
    model = create_model("smallcnn", classes=3, generator_seed=0)
    whole = batch(0, 6)
    single = [
        Batch(
            images=whole.images[i : i + 1],
            targets=whole.targets[i : i + 1],
            indices=whole.indices[i : i + 1],
        )
        for i in range(6)
    ]
    np.testing.assert_allclose(
        predict(model, [whole]).logits, predict(model, single).logits, rtol=1e-4, atol=1e-5
    )


def test_every_module_has_its_own_mode_back_and_statistics_rest() -> None:
    model = create_model("fashion-cnn", classes=3, generator_seed=0)
    model.get_submodule("features").eval()  # a frozen part
    modes = [module.training for module in model.modules()]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    predict(model, [batch(0, 4)])
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_modes_come_back_after_an_error() -> None:
    model = create_model("fashion-cnn", classes=3)
    with pytest.raises(RuntimeError):
        predict(model, [batch(0, 2, channels=3)])
    assert all(module.training for module in model.modules())


class SeesDtype(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 3)
        self.seen: list[torch.dtype] = []
        self.cached: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        if self.cached is None:
            self.cached = torch.ones(784)
        logits: Tensor = self.layer(images.flatten(1) * self.cached)
        self.seen.append(logits.dtype)
        return logits


def test_float32_even_inside_autocast() -> None:
    model = SeesDtype()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        predict(model, [batch(0, 2)])
    assert model.seen == [torch.float32]


def test_training_goes_on_after_a_tensor_was_cached_in_prediction() -> None:
    model = SeesDtype()
    predict(model, [batch(0, 2)])
    model(batch(0, 2).images).sum().backward()
    assert model.layer.weight.grad is not None


def test_no_gradients_are_recorded() -> None:
    model = create_model("fashion-dnn", classes=3)
    predict(model, [batch(0, 2)])
    assert all(parameter.grad is None for parameter in model.parameters())


def test_auxiliary_heads_are_silent() -> None:
    model = create_model("googlenet", classes=3, height=32, width=32, generator_seed=0)
    images = torch.zeros(2, 3, 32, 32)
    given = Batch(images=images, targets=torch.zeros(2, dtype=torch.int64), indices=np.arange(2))
    assert predict(model, [given]).logits.shape == (2, 3)


@pytest.mark.parametrize("batches", [[], [batch(0, 0)]])
def test_nothing_to_predict(batches: list[Batch]) -> None:
    with pytest.raises(ValueError, match="hold no image"):
        predict(create_model("fashion-dnn", classes=3), batches)


def test_a_batch_that_is_looked_at_suits_the_caches_of_a_cpu() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert [inference_batch_size(side, side, cpu) for side in (28, 64, 96, 224, 600)] == [
        250,
        97,
        43,
        8,
        8,
    ]
    assert inference_batch_size(20, 100, cpu) == 200
    assert inference_batch_size(224, 224, gpu) == 250
