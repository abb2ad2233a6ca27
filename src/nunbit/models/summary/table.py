"""The summary of a network: its rows and their sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from nunbit.errors import UsageError
from nunbit.models.catalog import model_info
from nunbit.models.create import create_model
from nunbit.models.info import Shape
from nunbit.models.meta_tensors import TRACE_ERRORS
from nunbit.models.mode import evaluation_mode
from nunbit.models.summary.layers import Layer, Sees, is_listed, layers_of, unknown
from nunbit.models.summary.measure import measured_extents
from nunbit.models.summary.trace import Call, is_empty, trace

BYTES = 4  # of a float32
MEGABYTE = 1024**2
CLASSES_OF_ENCODERS = 1000
"""Networks that are published without a classifier get one for so many classes."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Every layer of a network for one image, and the sums.

    Sizes are in MB of 1024^2 bytes for one image in float32, as the course's notes (and the
    package torchsummary) give them.
    """

    name: str
    input_shape: tuple[int, ...]
    """Shape of one image: channels first."""
    input_values: int
    """Numbers that one input consists of."""
    layers: tuple[Layer, ...]

    @property
    def trainable(self) -> int:
        """Parameters that training changes."""
        return sum(layer.trainable for layer in self.layers)

    @property
    def frozen(self) -> int:
        """Parameters that training leaves as they are."""
        return sum(layer.frozen for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Trainable and frozen."""
        return self.trainable + self.frozen

    @property
    def multiply_adds(self) -> int:
        """Multiplications, each with its addition, for one image."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def input_mb(self) -> float:
        """One image."""
        return self.input_values * BYTES / MEGABYTE

    @property
    def activations_mb(self) -> float:
        """The results of all layers, and as much again for their gradients."""
        return 2 * sum(layer.values for layer in self.layers) * BYTES / MEGABYTE

    @property
    def parameters_mb(self) -> float:
        """All parameters."""
        return self.parameters * BYTES / MEGABYTE

    @property
    def total_mb(self) -> float:
        """Input, activations and parameters."""
        return self.input_mb + self.activations_mb + self.parameters_mb

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON takes it."""
        return {
            "model": self.name,
            "input": list(self.input_shape),
            "parameters": {
                "total": self.parameters,
                "trainable": self.trainable,
                "frozen": self.frozen,
            },
            "multiply_adds": self.multiply_adds,
            "size_mb": {
                "input": round(self.input_mb, 2),
                "forward_backward": round(self.activations_mb, 2),
                "parameters": round(self.parameters_mb, 2),
                "total": round(self.total_mb, 2),
            },
            "layers": [layer.to_dict() for layer in self.layers],
        }


def summarise(
    model: nn.Module, shape: Sequence[int], *, name: str = "", with_real_tensors: bool = False
) -> Summary:
    """Account for a network on one image of `shape`, [C, H, W] or with other directions.

    The network runs once, without values (with zeros, where `with_real_tensors`) and in evaluation
    mode; its weights, mode and hooks are afterwards what they were. What a layer sees is the
    theoretical receptive field, padding included, along every branch; where it cannot be followed,
    it is measured with gradients if the network has weights. A normalisation over the image, or a
    gate that looks at all of it, makes all that follows global. Raises UsageError if the network
    cannot work on such an image.
    """
    image = torch.empty((1, *shape), device="meta")
    name = name or type(model).__name__
    calls = partial(trace, model, [image], follow=True, with_real_tensors=with_real_tensors)
    return _summarise(model, calls, values=image[0].numel(), shape=shape, name=name)


def summarise_name(
    name: str,
    *,
    shape: Sequence[int] | None = None,
    classes: int | None = None,
    measure: bool = True,
) -> Summary:
    """Account for a model of the catalogue or a zoo, by default in its published form.

    It is built without values where that works, so that size costs nothing. With `measure`, a
    network with layers that no rule can follow is built again with values, to measure what these
    see. Raises UsageError for an unknown name, or a shape or number of classes that the model
    cannot have.
    """
    info = model_info(name)
    wanted = info.input if shape is None else Shape(*shape)

    def build() -> nn.Module:
        return create_model(
            name,
            classes=(info.classes or CLASSES_OF_ENCODERS) if classes is None else classes,
            channels=wanted.channels,
            height=wanted.height,
            width=wanted.width,
            generator_seed=0,
        )

    def account(model: nn.Module) -> Summary:
        inputs = info.example(wanted, batch=1)
        follow = info.takes == "images"
        values = sum(tensor[0].numel() for tensor in inputs)
        calls = partial(trace, model, inputs, follow=follow)
        return _summarise(model, calls, values=values, shape=wanted, name=name)

    try:
        with torch.device("meta"):
            found = account(build())
    except UsageError:  # some networks cannot be built or run without values
        return account(build())
    in_doubt = measure and any(layer.receptive_field == "unknown" for layer in found.layers)
    return account(build()) if in_doubt else found


def _summarise(
    model: nn.Module,
    traced: Callable[[], list[Call]],
    *,
    values: int,
    shape: Sequence[int],
    name: str,
) -> Summary:
    try:
        calls = traced()
        layers = layers_of(model, calls, shape[1:])
        if any(layer.receptive_field == "unknown" for layer in layers) and not is_empty(model):
            layers = _with_measured(model, shape, layers, calls)
    except TRACE_ERRORS as error:
        size = "x".join(map(str, shape))
        raise UsageError(f"{name} cannot work on {size} values: {error}") from error
    return Summary(name=name, input_shape=tuple(shape), input_values=values, layers=layers)


def _with_measured(
    model: nn.Module, shape: Sequence[int], layers: Sequence[Layer], calls: Sequence[Call]
) -> tuple[Layer, ...]:
    """The rows with what gradients say of those that no rule could follow."""
    asked = [call for call in calls if is_listed(call) and unknown(call)]
    with evaluation_mode(model):
        extents = measured_extents(model, shape, [(call.module, call.turn) for call in asked])
    found = {(call.name, call.turn): extents.get((call.module, call.turn)) for call in asked}

    def completed(layer: Layer) -> Layer:
        extent = found.get((layer.name, layer.turn)) if layer.runs else None
        if extent is None:
            return layer
        sees: Sees = "global" if extent == tuple(shape[1:]) else extent
        return replace(layer, receptive_field=sees, measured=True)

    return tuple(map(completed, layers))
