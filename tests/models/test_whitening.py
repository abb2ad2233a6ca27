"""Whitening against its definition: outputs uncorrelated, of variance one, in pairs of signs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nunbit.errors import UsageError
from nunbit.models.whitening import whiten_first_layer


def correlated_images(channels: int = 2) -> Tensor:
    """Noise blurred and mixed between channels, [64, C, 12, 12]: neighbours resemble each other."""
    noise = torch.randn(64, channels, 14, 14, generator=torch.Generator().manual_seed(0))
    blurred = nn.functional.avg_pool2d(noise, 3, stride=1) * 3
    return blurred + 0.5 * blurred.flip(1)


def test_outputs_are_uncorrelated_and_of_equal_variance() -> None:
    images = 10 * correlated_images()  # far above the noise that is added to the variances
    model = nn.Sequential(nn.Conv2d(2, 16, 2, bias=False), nn.ReLU(), nn.Conv2d(16, 4, 3))
    whiten_first_layer(model, images)
    outputs = model[0](images).transpose(0, 1).flatten(1)
    second_moments = outputs @ outputs.T / outputs.shape[1]
    torch.testing.assert_close(second_moments[:8, :8], torch.eye(8), atol=0.02, rtol=0)
    torch.testing.assert_close(model[0].weight[8:], -model[0].weight[:8])


def test_few_filters_take_the_directions_of_greatest_variance() -> None:
    images = correlated_images()
    few, many = (nn.Conv2d(2, n, 3, stride=2, padding=1) for n in (6, 36))
    for layer in (few, many):
        whiten_first_layer(nn.Sequential(layer), images)
    torch.testing.assert_close(few.weight[:3], many.weight[:3])
    sizes = many.weight[:18].flatten(1).norm(dim=1)  # small variance, large filter
    assert (sizes.diff() >= 0).all()


def test_filters_beyond_all_directions_keep_their_draw_and_nothing_is_trained() -> None:
    model = nn.Sequential(nn.Conv2d(1, 10, 2), nn.Conv2d(10, 4, 1))
    drawn = model[0].weight.detach().clone()
    whiten_first_layer(model, correlated_images(1))
    assert torch.equal(model[0].weight[8:], drawn[8:])
    assert not torch.equal(model[0].weight[:8], drawn[:8])
    assert [parameter.requires_grad for parameter in model.parameters()] == [
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Flatten(), nn.Linear(288, 3)),
        nn.Sequential(nn.Conv2d(3, 8, 3)),
        nn.Sequential(nn.Conv2d(2, 8, 3, groups=2)),
    ],
)
def test_a_network_without_such_a_convolution_is_refused(model: nn.Module) -> None:
    with pytest.raises(UsageError, match=r"convolution on 2 channel\(s\)") as caught:
        whiten_first_layer(model, correlated_images())
    assert "model.initialisation" in caught.value.remedy
