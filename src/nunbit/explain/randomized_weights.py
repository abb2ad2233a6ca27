"""Copies of a network whose layers are randomized, from the output down to a depth.

What is drawn keeps the scale that the layer had, so that signals neither fade nor explode on their
way through a deep network; with the usual initial weights and statistics of batch normalisation
that were never measured, maps would change for that reason alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nunbit.backbone.optimize import optimize_for_inference
from nunbit.inference import forward
from nunbit.models.mode import evaluation_mode
from nunbit.seeds import Purpose, torch_rng_for

ALL_LAYERS = "all layers"
DRAWS = 3
"""Number of draws of all layers; a coarse map of one such copy may look like the model's own by
chance."""
MAX_KEPT = 50_000_000
"""Parameters of all copies together, up to which they are kept: 200 MB, and as much once more in
their faster forms."""


class Copies:
    """The copies that maps are compared with, drawn once for all methods and images.

    From the output down, as Adebayo et al. have it, with the layers in three steps; of all layers
    there are `DRAWS`. One layer has one depth only, and two have two. Copies of a large network are
    made again each time, the same ones. The network must not change in between.
    """

    def __init__(self, model: nn.Module, image: Tensor, *, seed: int) -> None:
        layers = layers_with_weights(model, image)
        depths = {"output layer": 1, "upper half of the layers": len(layers) // 2}
        self._model, self._image = model, image
        self._wanted: list[tuple[str, list[str], int]] = []
        for number, (words, depth) in enumerate(depths.items()):
            if number < depth < len(layers):
                self._wanted.append((words, layers[-depth:], seed))
        self._wanted += [(ALL_LAYERS, layers, seed + 1 + draw) for draw in range(DRAWS)]
        size = sum(parameter.numel() for parameter in model.parameters())
        self._keep = size * len(self._wanted) <= MAX_KEPT
        self._kept: dict[int, Copy] = {}

    def __iter__(self) -> Iterator[tuple[str, Copy]]:
        """Yield how deep in words, and the copy."""
        for number, (words, layers, seed) in enumerate(self._wanted):
            found = self._kept.get(number)
            if found is None:
                found = Copy(redrawn(self._model, layers, seed=seed), self._image)
            if self._keep:
                self._kept[number] = found
            yield words, found


class Copy:
    """A network randomized, and the same made ready for many passes."""

    def __init__(self, model: nn.Module, image: Tensor) -> None:
        self.model = model
        self._image = image

    @cached_property
    def faster(self) -> nn.Module:
        """Its modules may have other names."""
        return optimize_for_inference(self.model, self._image)


def redrawn(model: nn.Module, layers: Sequence[str], *, seed: int) -> nn.Module:
    """A copy in which the parameters of these modules, and of no others, are randomized.

    `layers` are names as in `named_modules`; of each, its own parameters are meant and not those of
    its parts. Matrices and filters are normal with mean 0 and the standard deviation that they had;
    vectors (biases, scales) are shuffled. Batch normalisation forgets its means, and its channels
    share one variance. `model` stays as it is.
    """
    drawn = copy.deepcopy(model)
    generator = torch_rng_for(seed, Purpose.EXPLANATION)
    with torch.no_grad():
        for name in layers:
            module = drawn.get_submodule(name)
            for parameter in module.parameters(recurse=False):
                parameter.copy_(_like(parameter, generator))
            if isinstance(module, _BatchNorm) and module.running_mean is not None:
                assert module.running_var is not None
                module.running_mean.zero_()
                module.running_var.fill_(module.running_var.mean())
    return drawn


def layers_with_weights(model: nn.Module, image: Tensor) -> list[str]:
    """Names of the modules with parameters of their own, in the order in which they start to run.

    `image` is [1, C, H, W]. What does not run by itself, as the projections of torch's attention,
    stands right behind the module that it is part of.
    """
    started: dict[nn.Module, int] = {}

    def note(module: nn.Module, _: Any) -> None:
        started.setdefault(module, len(started))

    handles = [module.register_forward_pre_hook(note) for module in model.modules()]
    try:
        with evaluation_mode(model):
            forward(model, image)
    finally:
        for handle in handles:
            handle.remove()

    def when(name: str) -> int:
        parts = name.split(".")
        around = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        modules = (model.get_submodule(part) for part in around)
        return next((started[module] for module in modules if module in started), 0)

    own = [
        name
        for name, m in model.named_modules()
        if next(m.parameters(recurse=False), None) is not None
    ]
    return sorted(own, key=when)


def _like(parameter: Tensor, generator: torch.Generator) -> Tensor:
    if not parameter.is_floating_point() or parameter.numel() < 2:
        return parameter
    if parameter.ndim < 2:
        order = torch.randperm(parameter.numel(), generator=generator)
        return parameter[order.to(parameter.device)]
    # Some heads begin at zero: a scale of nothing would leave them there.
    scale = float(parameter.std()) or parameter[0].numel() ** -0.5
    return torch.randn(parameter.shape, generator=generator).to(parameter) * scale
