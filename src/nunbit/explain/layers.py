"""Layers of a network that are looked at, and their outputs.

A layer is a module by its name, or a place between two modules where a stage ends
(`nunbit.backbone.split_points`). Hooks live for one pass only.

B images in a batch, C channels of a layer, H height, W width of the image, h height, w width of a
layer's maps, T tokens, D features.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from nunbit.backbone.pieces import feature_extractor
from nunbit.backbone.split_points import (
    CONTAINERS,
    MAX_ASPECT_CHANGE,
    SplitPoint,
    find_split_points,
)
from nunbit.errors import UsageError
from nunbit.models.mode import evaluation_mode
from nunbit.models.summary.trace import Call, trace
from nunbit.suggest import suggest

STAGES = ("early", "middle", "late")
_EXTRA_TOKENS = (0, 1, 2, 5)
"""Tokens that stand for no place: none; the class's; distillation's too; or four registers."""
_UNCHANGED = (nn.Dropout, nn.Dropout2d, nn.Identity)
_POOLING = (nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AvgPoolNd, nn.AdaptiveAvgPool2d)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One place in a network whose values can be looked at."""

    name: str
    """Name as in `named_modules`, or of the operation after which a stage ends."""
    kind: str
    """Class of the module; "operation" where it is none."""
    shape: tuple[int, ...]
    """Shape of one image's values: (C, h, w), (h, w, C), (T, D) or (D,)."""
    channel_dim: int
    """Dimension of `shape` that counts channels."""
    places: tuple[int, int] | None
    """(h, w) of its maps; None where it knows no places, as a linear layer."""
    stage: str = ""
    """One of `STAGES` where it was chosen as one."""
    turn: int = 1
    """Use of the module that is meant, 1 for the first."""
    turns: int = 1
    """Number of times that the network uses the module for one image."""
    split_point: SplitPoint | None = None
    """Split point, if the layer is not a module."""

    @property
    def channels(self) -> int:
        """Number of its maps, or of its units where it has no maps."""
        return self.shape[self.channel_dim]

    def maps(self, values: Tensor) -> Tensor:
        """Its values [B, *shape] as maps [B, C, h, w]; h = w = 1 where it knows no places."""
        last = values.movedim(1 + self.channel_dim, -1)
        height, width = self.places or (1, 1)
        flat = last.reshape(len(values), -1, self.channels)[:, -height * width :]
        return flat.reshape(len(values), height, width, self.channels).permute(0, 3, 1, 2)


def layers_of(model: nn.Module, shape: Sequence[int]) -> tuple[Layer, ...]:
    """All modules with values that can be shown, in the order in which the network begins them.

    `shape` is (C, H, W) of an image. A module that is used several times is its last use. Found in
    one pass of an empty image; weights, statistics and mode stay as they are.
    """
    found: dict[str, Layer] = {}
    for call in _calls(model, shape):
        if call.name and (layer := _layer(call, shape)) is not None:
            found.pop(call.name, None)
            found[call.name] = layer
    return tuple(found.values())


def layer_named(model: nn.Module, shape: Sequence[int], name: str) -> Layer:
    """The layer of a module's name, or of a stage's end; `shape` is (C, H, W) of an image.

    Raises UsageError, with names that are near, where there is none or its values are not maps.
    """
    layers = {layer.name: layer for layer in layers_of(model, shape)}
    if name in layers:
        return layers[name]
    ends = {layer.name: layer for layer in _stage_ends(model, shape)}
    if name in ends:
        return ends[name]
    if name and name in dict(model.named_modules()):
        raise UsageError(
            f"layer {name!r} has no values that can be shown: it is not used for an answer, or "
            "gives something else than maps or features",
            remedy=f"choose another, such as {_some(list(layers))}",
        )
    near = suggest(name, [*layers, *ends], limit=3, cutoff=0.5)
    raise UsageError(
        f"the network has no layer {name!r}",
        remedy=near or f"it has {_some(list(layers))}",
    )


def stages_of(model: nn.Module, shape: Sequence[int]) -> tuple[Layer, ...]:
    """The layers at early, middle and late stages; fewer where a network is not so deep.

    Early is the first convolution with what follows it (normalisation, activation); late the last
    layer that knows places before the final layer with weights; middle the end of the stage nearest
    to half of the multiply-adds up to the late one. A network without maps has its hidden layers.
    `shape` is (C, H, W) of an image.
    """
    ends = _stage_ends(model, shape)
    calls = _calls(model, shape)
    late = _last_with_places(calls, shape)
    if late is None:
        return _named_stages([end for end in ends if end.places is None])
    first = _after_first_convolution(calls, shape)
    before, after = 0 if first is None else _work_up_to(calls, first), _work_up_to(calls, late)
    between = [end for end in ends if end.places and before < _work_of_cut(end) < after]
    middle = min(between, key=lambda end: abs(_work_of_cut(end) - after / 2), default=None)
    early = first if first is not None and before < after else None
    return tuple(
        replace(layer, stage=stage)
        for layer, stage in zip((early, middle, late), STAGES, strict=True)
        if layer is not None
    )


def activations(model: nn.Module, images: Tensor, layers: Sequence[Layer]) -> tuple[Tensor, ...]:
    """Outputs of each layer for normalised images [B, C, H, W]: float32 [B, *layer.shape] each.

    In evaluation mode and without gradients; modes are given back, hooks removed whatever happens,
    and later in-place operations do not reach the values. Model and images are on one device.
    """
    modules = [layer for layer in layers if layer.split_point is None]
    kept: dict[str, Tensor] = {}
    with (
        evaluation_mode(model),
        torch.no_grad(),
        torch.autocast(images.device.type, enabled=False),
    ):
        if modules:
            with recording(model, modules) as kept:
                model(images)
        return tuple(
            kept[layer.name].float()
            if layer.split_point is None
            else feature_extractor(model, layer.split_point)(images)
            for layer in layers
        )


@contextlib.contextmanager
def recording(model: nn.Module, layers: Sequence[Layer]) -> Iterator[dict[str, Tensor]]:
    """Inside, one pass through the model leaves copies of the layers' outputs by name."""
    kept: dict[str, Tensor] = {}
    turns: dict[str, int] = {}

    def remember(layer: Layer) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_: nn.Module, __: Any, result: Any) -> None:
            turns[layer.name] = turns.get(layer.name, 0) + 1
            if turns[layer.name] == layer.turn:
                first = next(v for v in tree_leaves(result) if isinstance(v, Tensor))
                kept[layer.name] = first.detach().clone()

        return hook

    with contextlib.ExitStack() as hooks:
        for layer in layers:
            module = model.get_submodule(layer.name)
            hooks.callback(module.register_forward_hook(remember(layer)).remove)
        yield kept


def _layer(call: Call, shape: Sequence[int]) -> Layer | None:
    """A module's use as a layer; None where its first tensor is neither maps nor features."""
    if not call.outputs or call.outputs[0][:1] != (1,):
        return None
    size = tuple(call.outputs[0][1:])
    layout = _layout(size, shape)
    if layout is None:
        return None
    return Layer(
        name=call.name,
        kind=type(call.module).__name__,
        shape=size,
        channel_dim=layout[0],
        places=layout[1],
        turn=call.turn,
        turns=call.turn,
    )


def _layout(
    size: tuple[int, ...], shape: Sequence[int], *, token_dim: int = 0
) -> tuple[int, tuple[int, int] | None] | None:
    """Dimension of the channels and size of the maps; None for outputs without either."""
    if math.prod(size) == 0 or not 1 <= len(size) <= 3:
        return None
    aspect = shape[1] / shape[2]
    if len(size) == 1:
        return 0, None
    if len(size) == 2:
        grid = _grid(size[token_dim], aspect)
        return None if grid is None else (1 - token_dim, grid)
    first = abs(math.log(size[1] / size[2] / aspect))
    last = abs(math.log(size[0] / size[1] / aspect))
    if size[1] == size[2] == 1:
        return 0, None
    if min(first, last) > MAX_ASPECT_CHANGE:
        return None
    channel_dim, places = (0, size[1:]) if first <= last else (2, size[:2])
    return channel_dim, None if math.prod(places) == 1 else (places[0], places[1])


def _grid(tokens: int, aspect: float) -> tuple[int, int] | None:
    """Rows and columns that so many tokens fill, of the image's aspect ratio."""
    for extra in _EXTRA_TOKENS:
        rows = round(math.sqrt(max(0, tokens - extra) * aspect))
        if rows > 1 and (tokens - extra) % rows == 0:
            columns = (tokens - extra) // rows
            if columns > 1 and abs(math.log(rows / columns / aspect)) < 0.1:
                return rows, columns
    return None


def _stage_ends(model: nn.Module, shape: Sequence[int]) -> list[Layer]:
    """The split points of the network as layers."""
    try:
        split_points = find_split_points(model, shape)
    except UsageError:
        return []
    names = dict(model.named_modules())
    ends = []
    for split_point in split_points:
        layout = _layout(split_point.shape, shape, token_dim=1 - split_point.channel_dim % 2)
        if layout is None and len(split_point.shape) > 1:
            continue
        module = names.get(split_point.name)
        ends.append(
            Layer(
                name=split_point.name,
                kind="operation" if module is None else type(module).__name__,
                shape=split_point.shape,
                channel_dim=split_point.channel_dim,
                places=None if layout is None else layout[1],
                split_point=split_point,
            )
        )
    return ends


def _calls(model: nn.Module, shape: Sequence[int]) -> list[Call]:
    return trace(model, (torch.empty(1, *shape, device="meta"),), follow=False)


def _last_with_places(calls: Sequence[Call], shape: Sequence[int]) -> Layer | None:
    """Module that ends last before the final layer with weights; of several, the outermost."""
    weighted = [i for i, call in enumerate(calls) if _has_matrix(call.module)]
    chosen: tuple[int, Layer] | None = None
    for i, call in enumerate(calls[: weighted[-1]] if weighted else calls):
        end = _end(calls, i)
        if weighted and end > weighted[-1]:
            continue
        if not call.name or isinstance(call.module, (*_UNCHANGED, *_POOLING)):
            continue
        layer = _layer(call, shape)
        if layer is not None and layer.places and (chosen is None or end > chosen[0]):
            chosen = end, layer
    if chosen is None:
        return None
    return replace(chosen[1], turns=sum(call.name == chosen[1].name for call in calls))


def _end(calls: Sequence[Call], start: int) -> int:
    """Number after the last call within the call `start`."""
    end, within = start + 1, calls[start].name + "."
    while end < len(calls) and calls[end].name.startswith(within):
        end += 1
    return end


def _after_first_convolution(calls: Sequence[Call], shape: Sequence[int]) -> Layer | None:
    """The first convolution's maps after what follows it (normalisation, activation)."""
    leaves = [call for call in calls if not any(True for _ in call.module.children())]
    start = next((i for i, c in enumerate(leaves) if isinstance(c.module, nn.Conv2d)), None)
    if start is None:
        return None
    chosen, within = leaves[start], {leaves[start].name}
    size = chosen.outputs[0]
    for call in leaves[start + 1 :]:
        if _has_matrix(call.module) or call.input_shape != size:
            break
        if call.outputs[0] != size and not (
            isinstance(call.module, _POOLING) and chosen is leaves[start]
        ):
            break
        size = call.outputs[0]
        within.add(call.name)
        if not isinstance(call.module, (*_UNCHANGED, *_POOLING)):
            chosen = call
    for call in calls:  # the block that is nothing but these: its activation may be a function
        inner = [leaf.name for leaf in leaves if leaf.name.startswith(call.name + ".")]
        is_block = call.name and not isinstance(call.module, CONTAINERS)
        if is_block and inner and set(inner) <= within and inner[-1] == chosen.name:
            chosen = call
            break
    layer = _layer(chosen, shape)
    uses = sum(call.module is chosen.module for call in calls)
    return None if layer is None else replace(layer, turns=uses)


def _has_matrix(module: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in module.parameters(recurse=False))


def _named_stages(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Choose at most three of some layers in order: first, middle, last."""
    if len(layers) <= 1:
        return tuple(replace(layer, stage="late") for layer in layers)
    if len(layers) == 2:
        return replace(layers[0], stage="early"), replace(layers[1], stage="late")
    chosen = (layers[0], layers[len(layers) // 2], layers[-1])
    return tuple(replace(layer, stage=stage) for layer, stage in zip(chosen, STAGES, strict=True))


def _work_up_to(calls: Sequence[Call], layer: Layer) -> int:
    """Multiply-adds of one image up to the end of a layer."""
    uses = [i for i, call in enumerate(calls) if call.name == layer.name]
    end = _end(calls, uses[layer.turn - 1])
    return sum(call.multiply_adds for call in calls[:end])


def _work_of_cut(layer: Layer) -> int:
    assert layer.split_point is not None
    return layer.split_point.multiply_adds_before


def _some(names: Sequence[str]) -> str:
    """Some names of many, spread over all."""
    step = max(1, len(names) // 8)
    return ", ".join(names[::step][:9])
