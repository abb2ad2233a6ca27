"""Facts about a model before it is built, and whether an image size suits it.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

Origin: TypeAlias = Literal["nunbit", "torchvision", "timm"]
Takes: TypeAlias = Literal["images", "features", "graphs"]
Dropout: TypeAlias = float | tuple[float, ...] | None
"""One probability for all dropout layers, one for each in order, or None for the model's own."""


class Shape(NamedTuple):
    """Shape of one image as the network sees it.

    Networks on flat features have one row of them: 1 x 1 x d. Networks on graphs have a row for
    each node: 1 x nodes x features.
    """

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return "x".join(map(str, self))


Build: TypeAlias = Callable[[Shape, int, Dropout], nn.Module]
"""(input shape, classes, dropout) -> network from what it takes to logits [B, K]."""


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """One model that `create_model` can build."""

    name: str
    """Accepted by `create_model`; the zoos' models carry their origin, as in timm/resnet18."""
    origin: Origin = "nunbit"
    build: Build = field(repr=False, compare=False)
    input: Shape
    """Published input; what is built when nothing else is asked for."""
    takes: Takes = "images"
    """Images are float [B, C, H, W]; features float [B, d], with d the width of the shape; graphs
    are two tensors, adjacency [B, N, N] and features [B, N, F], with N and F its height and width.
    Only models on images can be trained by `nunbit train`."""
    channels: tuple[int, ...] = (1, 3)
    """Numbers of channels that can be asked for."""
    dropouts: int = 0
    """Number of dropout layers whose probability can be set one by one; 0 if there are none."""
    follows_data: bool = False
    """True if the model has no published size and takes the images at their own."""
    resizable: bool = True
    """False if only the published height and width can be built."""
    sizes_in_steps: bool = False
    """True if patches or windows must fit into the image, so that not all larger sizes work."""
    whitens: bool = False
    """True if its first layer is made to be drawn by `nunbit.models.whitening`."""
    min_size: int | None = None
    """`minimum_size` where it is known; nothing is tried then, and all larger sizes work."""
    parameters: int | None = None
    """Number of trainable parameters at `input`, with `classes` classes, as published where it is;
    torchvision's for googlenet leaves out its auxiliary classifiers."""
    multiply_adds: int | None = None
    """Count for one image at `input`, with `classes` classes, where it is known already."""
    classes: int = 10
    """Number of classes of the published form."""
    source: str = ""

    @property
    def default_height(self) -> int:
        """Published height in pixels."""
        return self.input.height

    @property
    def default_width(self) -> int:
        """Published width in pixels."""
        return self.input.width

    @property
    def input_in_words(self) -> str:
        """The published input for people: 3x224x224, 2 features."""
        _, height, width = self.input
        if self.takes == "features":
            return f"{width} features"
        if self.takes == "graphs":
            return f"graph, {height} nodes x {width}"
        return f"{self.input}, or the data's" if self.follows_data else str(self.input)

    def example(self, shape: Shape, *, batch: int = 2) -> tuple[Tensor, ...]:
        """Zeros in the form that the network takes, on torch's default device.

        The network is called as `network(*info.example(shape))`.
        """
        _, height, width = shape
        if self.takes == "features":
            return (torch.zeros((batch, width)),)
        if self.takes == "graphs":
            return torch.zeros((batch, height, height)), torch.zeros((batch, height, width))
        return (torch.zeros((batch, *shape)),)

    @cached_property
    def minimum_size(self) -> int:
        """Smallest side in pixels of a square image that the model can be trained on.

        Found by trying sizes where `min_size` does not say it, which takes a moment. Features and
        graphs can be of any size.
        """
        if self.takes != "images":
            return 1
        if self.min_size is not None:
            return self.min_size
        low, high = 1, min(self.input.height, self.input.width)
        if not self.resizable:
            return high
        if self.sizes_in_steps:
            sizes = range(8, high, 8)
            return next((size for size in sizes if self._accepts_square(size)), high)
        while low < high:
            middle = (low + high) // 2
            if self._accepts_square(middle):
                high = middle
            else:
                low = middle + 1
        return low

    def accepts(self, shape: Shape) -> bool:
        """Tell whether a network for images of `shape` can be built and trained."""
        if self.min_size is not None and self.takes == "images":
            return min(shape.height, shape.width) >= self.min_size
        return shape == self.input or self._runs(shape)

    def _accepts_square(self, size: int) -> bool:
        return self._runs(Shape(self.input.channels, size, size))

    def _runs(self, shape: Shape) -> bool:
        """Tell whether the network can be built and trained on two images of `shape`.

        Tried on the "meta" device, which computes shapes and no values: it costs little and needs
        no memory. Models that cannot be built there (some of timm 1.0.20's) are tried with real
        tensors.
        """
        return self._runs_on("meta", shape) or (
            not self._runs_on_meta and self._runs_on("cpu", shape)
        )

    @cached_property
    def _runs_on_meta(self) -> bool:
        return self._runs_on("meta", self.input)

    def _runs_on(self, device: str, shape: Shape) -> bool:
        with (
            warnings.catch_warnings(),
            torch.random.fork_rng(devices=[]),
            torch.device(device),
            torch.no_grad(),
        ):
            # A size that does not suit may warn of empty layers before it fails.
            warnings.simplefilter("ignore")
            try:
                network = self.build(shape, self.classes, None)
                for module in network.modules():
                    module.register_forward_hook(_check_not_empty)
                network(*self.example(shape))
            except BUILD_ERRORS:
                return False
        return True


def _check_not_empty(module: nn.Module, _: Any, output: Any) -> None:
    """Raise ValueError where nothing is left of the maps.

    torch 2.11 computes such shapes on the meta device, where newer ones and all others raise.
    """
    if isinstance(output, Tensor) and output.numel() == 0:
        raise ValueError(f"{type(module).__name__} leaves nothing of so small an image")


BUILD_ERRORS = (RuntimeError, ValueError, AssertionError, ZeroDivisionError, IndexError, TypeError)
"""Errors that networks raise on a size or setting that does not suit them."""
