"""Networks of linear layers on whole images.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from torch import nn

from nunbit.models.info import Dropout, ModelInfo, Shape


def mlp(
    shape: Shape,
    classes: int,
    dropout: Dropout = None,  # noqa: ARG001
    *,
    widths: tuple[int, ...],
) -> nn.Module:
    """A hidden layer of ReLU units for each of `widths`: [B, C, H, W] -> logits [B, K]."""
    layers: list[nn.Module] = [nn.Flatten()]
    pixels = shape.channels * shape.height * shape.width
    for before, units in pairwise((pixels, *widths)):
        layers += [nn.Linear(before, units), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], classes))


MODELS = (
    ModelInfo(
        name="mlp-100",
        build=partial(mlp, widths=(100, 100)),
        input=Shape(1, 28, 28),
        min_size=1,
        parameters=89_610,
        multiply_adds=89_400,
        source="course notes, MNIST with linear layers",
    ),
    ModelInfo(
        name="mlp-64-128",
        build=partial(mlp, widths=(64, 128)),
        input=Shape(1, 28, 28),
        min_size=1,
        parameters=59_850,
        multiply_adds=59_648,
        source="course notes, MNIST with linear layers in Keras",
    ),
)
