"""Weights into a network: strictly, with every change of them named.

K classes, C input channels.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from nunbit.errors import WeightsError
from nunbit.models.info import BUILD_ERRORS, ModelInfo, Shape
from nunbit.models.pretrained.weights import Weights

LISTED = 12
"""Names of each kind that a message lists."""
HEAD_DEVIATION = 0.01
"""Largest standard deviation of a new head's weights."""


def transfer(
    model: nn.Module,
    weights: Weights,
    *,
    info: ModelInfo,
    shape: Shape,
    classes: int,
    class_names: Sequence[str] = (),
    strict: bool = True,
) -> tuple[str, ...]:
    """Copy `weights` into `model`, which `info` builds for `shape` and `classes`.

    Two things are adapted, and said: the head (all tensors whose shape depends on the number of
    classes) stays as the model drew it, made small, when the weights' classes are others, by
    number or by name; and the kernels that see the input are summed over red, green and blue for
    grey input, or divided by three and repeated for colour. Whatever else does not fit is an error
    that lists it; with `strict` False it stays as the model drew it, and is listed all the same.

    Returns:
        What was done, as sentences for the user.

    Raises:
        WeightsError: when the file is missing or damaged, or does not fit.
    """
    tensors = weights.load()
    remarks = list(tensors.remarks)
    own = model.state_dict()
    given = dict(tensors.state)
    remarks += _adapt_channels(given, own, info=info, shape=shape, classes=classes)
    head = _depending(info, shape, classes, other=(shape, classes + 1))
    if reason := _new_head(given, own, head, weights=weights, class_names=class_names):
        given = _without_head(given, head)
        remarks.append(f"The head ({_listed(head)}) is new and small: {reason}.")
        own = {name: tensor for name, tensor in own.items() if name not in head}
    misfits = _misfits(given, own)
    if misfits:
        if strict:
            raise _does_not_fit(weights, info, misfits)
        remarks += [f"Left as drawn: {line}." for line in misfits]
    fitting = {
        name: tensor
        for name, tensor in given.items()
        if name in own and tensor.shape == own[name].shape
    }
    if not fitting:
        raise _does_not_fit(weights, info, misfits)
    for name, tensor in fitting.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise WeightsError(f"the weights {weights.name} hold numbers that are none in {name}")
    model.load_state_dict(fitting, strict=False)
    if reason:
        _shrink(model, head)
    remarks.insert(0, f"{len(fitting)} tensors of {info.name} start from {weights.name}.")
    return tuple(remarks)


def shapes_of(info: ModelInfo, shape: Shape, classes: int) -> dict[str, torch.Size]:
    """Names and shapes of the tensors of a network, without drawing its weights where possible."""
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        try:
            with torch.device("meta"):
                network = info.build(shape, classes, None)
        except BUILD_ERRORS:
            network = info.build(shape, classes, None)
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def _depending(
    info: ModelInfo, shape: Shape, classes: int, *, other: tuple[Shape, int]
) -> list[str]:
    """Names of the tensors whose shape differs between two forms of one network."""
    one, two = shapes_of(info, shape, classes), shapes_of(info, *other)
    return [name for name, size in one.items() if two.get(name) != size]


def _new_head(
    given: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    head: Sequence[str],
    *,
    weights: Weights,
    class_names: Sequence[str],
) -> str:
    """Reason why the head cannot be that of the weights; '' if it can."""
    present = [name for name in head if name in given]
    if not present:
        return "the weights bring none"
    known = len(weights.classes)
    differing = [name for name in present if given[name].shape != own[name].shape]
    if differing:
        wanted = given[differing[0]].shape[0], own[differing[0]].shape[0]
        return f"the weights know {wanted[0]:,} classes, the data have {wanted[1]:,}"
    if known and class_names and tuple(class_names) != tuple(weights.classes):
        return f"the weights know {known:,} other classes, or the same in another order"
    return ""


def _without_head(given: Mapping[str, Tensor], head: Sequence[str]) -> dict[str, Tensor]:
    """The weights that stand outside the head's layers, which may have a hidden layer in them."""
    layers = {name.rpartition(".")[0] + "." for name in head if "." in name}
    return {
        name: tensor
        for name, tensor in given.items()
        if name not in head and not name.startswith(tuple(layers))
    }


def _shrink(model: nn.Module, head: Sequence[str]) -> None:
    """Make a new head say little, so that its first gradients do not upset what was learned.

    Some networks draw heads for a training from nothing: timm's EfficientNet starts at a loss of 12
    on two classes, where guessing costs 0.7.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name not in head:
                continue
            if parameter.ndim > 1 and parameter.numel() > 1:
                parameter.mul_(HEAD_DEVIATION / parameter.std().clamp_min(HEAD_DEVIATION))
            elif name.endswith("bias"):
                parameter.zero_()


def _adapt_channels(
    given: dict[str, Tensor],
    own: Mapping[str, Tensor],
    *,
    info: ModelInfo,
    shape: Shape,
    classes: int,
) -> list[str]:
    """Kernels for three channels to one or the reverse, in place; returns what was done."""
    if len(info.channels) == 1:
        return []
    colour = shape._replace(channels=3 if shape.channels == 1 else 1)
    remarks = []
    for name in _depending(info, shape, classes, other=(colour, classes)):
        have, want = given.get(name), own[name]
        # Kernels only, [K, C, ...]: how a network flattens colour is not ours to guess.
        if have is None or have.ndim < 3 or have.ndim != want.ndim:
            continue
        if (have.shape[1], want.shape[1]) == (3, 1):
            given[name] = have.sum(dim=1, keepdim=True)
            remarks.append(f"{name} is summed over red, green and blue, for grey input.")
        elif (have.shape[1], want.shape[1]) == (1, 3):
            given[name] = have.repeat_interleave(3, dim=1) / 3
            remarks.append(f"{name} is spread over red, green and blue in equal parts.")
    return remarks


def _misfits(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Misfits, one line for each kind: missing, unknown, of another shape."""
    lines = []
    if missing := [name for name in own if name not in given]:
        lines.append(f"{len(missing)} missing from the weights: {_listed(missing)}")
    if unknown := [name for name in given if name not in own]:
        lines.append(f"{len(unknown)} unknown to the network: {_listed(unknown)}")
    if differing := [
        f"{name} {_size(given[name])} for {_size(own[name])}"
        for name in given
        if name in own and given[name].shape != own[name].shape
    ]:
        lines.append(f"{len(differing)} of another shape: {_listed(differing)}")
    return lines


def _does_not_fit(weights: Weights, info: ModelInfo, misfits: Sequence[str]) -> WeightsError:
    listed = "".join(f"\n    {line}" for line in misfits)
    own = ""
    if weights.input is not None:
        own = f" at its own size (--image-size {weights.input.height})"
    return WeightsError(
        f"the weights {weights.name} do not fit {info.name}:{listed}",
        remedy=f"choose the network that they were trained with{own}; to take what fits all the "
        "same, --set model.pretrained_strict=false",
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
