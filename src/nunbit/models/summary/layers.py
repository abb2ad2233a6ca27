"""The rows of a summary: which uses of which modules are listed, with their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from nunbit.models.summary.explain import explain
from nunbit.models.summary.fields import Field
from nunbit.models.summary.rules import Seen, Unknown
from nunbit.models.summary.trace import Call

Sees = tuple[int, ...] | Literal["global", "unknown"] | None
"""Pixels in each direction; "global": the whole image; None: the layer sees no image."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One use of one layer, in the order in which a network runs."""

    name: str
    """Path within the model, such as features.0; empty for the model itself."""
    kind: str
    """Class of the module, such as Conv2d."""
    turn: int = 1
    """2 and more: the same module used again."""
    runs: bool = True
    """False for a layer that only training uses, or whose weights another one reads."""
    output_shape: tuple[int, ...] = ()
    """Shape of the first result, without the batch."""
    values: int = 0
    """Values of all results, as they count for the memory; 0 for a mere view of its input."""
    trainable: int = 0
    """Parameters that training changes; counted at the first use."""
    frozen: int = 0
    multiply_adds: int = 0
    """Count for one image; the bias, activations, normalisation and pooling are not counted."""
    receptive_field: Sees = None
    stride: tuple[int, ...] | None = None
    """Pixels of the image from one output position to the next; 0 where there is no next."""
    measured: bool = False
    """True if the receptive field was measured with gradients, in the middle of the image."""
    formulas: tuple[str, ...] = ()
    """Formulas of the numbers, with the numbers put in."""

    @property
    def parameters(self) -> int:
        """Trainable and frozen."""
        return self.trainable + self.frozen

    def to_dict(self) -> dict[str, Any]:
        """The layer as JSON takes it."""
        sees = self.receptive_field
        return {
            "name": self.name,
            "type": self.kind,
            "turn": self.turn,
            "runs": self.runs,
            "output_shape": list(self.output_shape),
            "parameters": self.parameters,
            "trainable": self.trainable,
            "frozen": self.frozen,
            "multiply_adds": self.multiply_adds,
            "receptive_field": list(sees) if isinstance(sees, tuple) else sees,
            "measured": self.measured,
            "stride": None if self.stride is None else list(self.stride),
            "formulas": list(self.formulas),
        }


def layers_of(model: nn.Module, calls: Sequence[Call], sizes: Sequence[int]) -> tuple[Layer, ...]:
    """The listed calls, and behind their relatives the modules whose own pass was not needed.

    These are what only training uses, such as auxiliary classifiers, and weights that another
    module reads. `sizes` [H, W] are the image's.
    """
    counted: set[int] = set()
    layers = [_layer(call, counted, sizes) for call in calls if is_listed(call)]
    called = {call.module for call in calls}
    for name, module in model.named_modules():
        trainable, frozen = (0, 0) if module in called else _parameters(module, counted)
        if trainable or frozen:
            idle = Layer(
                name=name,
                kind=type(module).__name__,
                runs=False,
                trainable=trainable,
                frozen=frozen,
            )
            layers.insert(_place(name, layers), idle)
    return tuple(layers)


def _place(name: str, layers: Sequence[Layer]) -> int:
    """Index behind the last row of the nearest relative."""
    parent = name.rpartition(".")[0]
    while parent:
        rows = [i for i, row in enumerate(layers) if f"{row.name}.".startswith(f"{parent}.")]
        if rows:
            return rows[-1] + 1
        parent = parent.rpartition(".")[0]
    return len(layers)


def is_listed(call: Call) -> bool:
    """Tell whether a use of a module gets a row: a layer, an owner of parameters, or a product.

    Containers and identities do neither.
    """
    owns = call.multiply_adds > 0 or next(call.module.parameters(recurse=False), None) is not None
    is_leaf = next(call.module.children(), None) is None
    return owns or (is_leaf and not isinstance(call.module, nn.Identity | nn.Sequential))


def sees(field: Seen, sizes: Sequence[int]) -> tuple[Sees, tuple[int, ...] | None]:
    """Receptive field and stride as a row shows them, for an image of `sizes` [H, W]."""
    if not isinstance(field, Field):
        return (None if field is None else "unknown"), None
    whole = [
        axis.whole or (axis.dim is None and axis.first <= 0 and axis.extent >= size)
        for axis, size in zip(field.axes, sizes, strict=True)
    ]
    if all(whole):
        return "global", None
    extents = tuple(
        size if all_of_it else axis.extent
        for axis, size, all_of_it in zip(field.axes, sizes, whole, strict=True)
    )
    return extents, tuple(0 if axis.dim is None else axis.stride for axis in field.axes)


def _layer(call: Call, counted: set[int], sizes: Sequence[int]) -> Layer:
    trainable, frozen = _parameters(call.module, counted)
    receptive_field, stride = sees(call.output_field, sizes)
    shapes = [shape[1:] for shape in call.outputs]
    return Layer(
        name=call.name,
        kind=type(call.module).__name__,
        turn=call.turn,
        output_shape=shapes[0] if shapes else (),
        values=0 if _is_view(call) else sum(map(math.prod, shapes)),
        trainable=trainable,
        frozen=frozen,
        multiply_adds=call.multiply_adds,
        receptive_field=receptive_field,
        stride=stride,
        formulas=tuple(explain(call)),
    )


def _is_view(call: Call) -> bool:
    """A flattening gives the same values another shape; a model's own row is not a layer."""
    return isinstance(call.module, nn.Flatten | nn.Unflatten) or (
        not call.name and next(call.module.children(), None) is not None
    )


def _parameters(module: nn.Module, counted: set[int]) -> tuple[int, int]:
    """Trainable and frozen parameters of the module's own that no row has counted yet."""
    new = _not_yet(module.parameters(recurse=False), counted)
    trainable = sum(p.numel() for p in new if p.requires_grad)
    return trainable, sum(p.numel() for p in new) - trainable


def _not_yet(parameters: Iterable[nn.Parameter], counted: set[int]) -> list[nn.Parameter]:
    new = [parameter for parameter in parameters if id(parameter) not in counted]
    counted.update(map(id, new))
    return new


def unknown(call: Call) -> bool:
    """Tell whether no rule could follow what the layer sees."""
    return isinstance(call.output_field, Unknown)
