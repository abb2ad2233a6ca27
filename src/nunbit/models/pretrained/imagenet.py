"""The names of ImageNet's thousand classes, from the libraries that bring them."""

from __future__ import annotations

from functools import cache

_TOLD_APART = {
    134: "crane (bird)",
    517: "crane (machine)",
    638: "maillot",
    639: "maillot (tank suit)",
}
"""torchvision calls two pairs of classes by one name each."""


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The names as torchvision has them, each once."""
    from torchvision.models import ResNet18_Weights

    names = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    return tuple(_TOLD_APART.get(number, name) for number, name in enumerate(names))
