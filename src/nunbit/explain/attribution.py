"""Attribution: maps of the pixels of an image that a class rests on, one for each image.

All methods but `gradients` are captum's. They look at the logit of the class, not at its
probability: where the network is sure, the probability hardly changes whatever one does.

B images in a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from nunbit.backbone.optimize import optimize_for_inference
from nunbit.data.batches import inference_batch_size
from nunbit.errors import UsageError
from nunbit.explain.disable_inplace import out_of_place
from nunbit.explain.targets import grad_cam_layer, maps_of
from nunbit.models.mode import evaluation_mode
from nunbit.suggest import suggest

Method: TypeAlias = Literal["grad-cam", "integrated-gradients", "occlusion", "gradients"]
Maps: TypeAlias = NDArray[np.float32]
"""[B, H, W], in the images' own pixels."""
Explainer: TypeAlias = Callable[[nn.Module, Tensor, Tensor], Maps]
"""(model, images [B, C, H, W], targets int64 [B]) -> maps; `explainer` makes one."""

STEPS, ROUGH_STEPS = 32, 8
"""Points on the way from the baseline to the image, of integrated gradients."""
WINDOWS_PER_SIDE = 5
"""Windows of occlusion that cover a side; they move by half of their own size, in rough maps by
the whole."""
ROUGHLY: tuple[Method, ...] = ("integrated-gradients", "occlusion")
"""Methods of many passes, whose rough maps save some."""


@dataclass(frozen=True, kw_only=True)
class MethodInfo:
    """Facts about a method that are known before it is used."""

    name: Method
    title: str
    """Title for a page's heading: Grad-CAM."""
    what: str
    """One sentence for readers: what a value of the map means."""
    signed: bool
    """True if values below zero speak against the class; else no value is below zero."""
    source: str


METHODS: dict[Method, MethodInfo] = {
    info.name: info
    for info in (
        MethodInfo(
            name="grad-cam",
            title="Grad-CAM",
            what="where the last maps of the network hold what speaks for the class; what speaks "
            "against it is left out, and places are as coarse as those maps",
            signed=False,
            source="Selvaraju et al. 2017, arXiv 1610.02391",
        ),
        MethodInfo(
            name="integrated-gradients",
            title="Integrated gradients",
            what="what each pixel adds to the class's score, or takes from it, on the way from an "
            "image of one colour; over all pixels it adds up to the difference of the two scores",
            signed=True,
            source="Sundararajan, Taly and Yan 2017, arXiv 1703.01365",
        ),
        MethodInfo(
            name="occlusion",
            title="Occlusion",
            what="how much of the class's score goes when a window around the pixel is covered",
            signed=True,
            source="Zeiler and Fergus 2014, arXiv 1311.2901",
        ),
        MethodInfo(
            name="gradients",
            title="Gradients",
            what="how strongly the class's score reacts to a small change of the pixel, whether up "
            "or down",
            signed=False,
            source="Simonyan, Vedaldi and Zisserman 2014, arXiv 1312.6034",
        ),
    )
}
"""Methods by name, in the order in which they are shown."""


def attribute(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    method: Method,
    layer: str | None = None,
    baseline: Tensor | None = None,
    rough: bool = False,
) -> Maps:
    """Maps [B, H, W] of what speaks for class targets[i] (int64 [B]) in images[i] (float32).

    `images` [B, C, H, W] are normalised as the network wants them, on its device. `layer` is for
    Grad-CAM: a module's name, by default `targets.grad_cam_layer`. `baseline` [C, H, W] is the
    image without evidence that integrated gradients and occlusion compare with: zeros by default,
    that is the colour which the normalisation subtracts, as a rule the mean of the training data.
    `rough` saves passes of these two, for maps that are compared and not looked at.

    Grad-CAM's map is the positive part, enlarged bilinearly; integrated gradients and occlusion
    keep the sign, summed over the channels; gradients are the largest absolute value over them.
    Computed in evaluation mode and float32; weights, their gradients, modes, hooks and in-place
    settings are afterwards as they were.

    Raises UsageError if captum is missing, the method or layer is unknown, or does not suit.
    """
    _refuse(method, images, targets)
    if method == "grad-cam" and layer is None:
        layer = grad_cam_layer(model, images.shape[1:])
    start = torch.zeros_like(images[0]) if baseline is None else baseline.to(images)
    at_once = inference_batch_size(images.shape[2], images.shape[3], images.device)
    network = optimize_for_inference(model, images) if method in ROUGHLY else model
    maps = []
    with (
        evaluation_mode(network),
        out_of_place(network),
        torch.enable_grad(),
        torch.autocast(images.device.type, enabled=False),
        _backward_through_recurrence(network),
    ):
        parts = zip(torch.split(images, at_once), torch.split(targets, at_once), strict=True)
        for some, classes in parts:
            asked = _Asked(
                model=network,
                images=some.detach().float().clone().requires_grad_(),
                targets=classes.to(images.device),
                baseline=start,
                layer=layer or "",
                at_once=at_once,
                rough=rough,
            )
            maps.append(_COMPUTE[method](asked).detach().float().cpu())
    return np.asarray(torch.cat(maps).numpy(), dtype=np.float32)


def explainer(
    method: Method,
    *,
    layer: str | None = None,
    baseline: Tensor | None = None,
    rough: bool = False,
) -> Explainer:
    """`attribute` with its settings filled in, as `sanity.check_attribution` takes it."""
    return partial(attribute, method=method, layer=layer, baseline=baseline, rough=rough)


def passes(method: Method, *, height: int, width: int, rough: bool = False) -> int:
    """Number of passes of one image through the network; a backward pass counts as two more.

    At most 122, whatever the size of the image, and 50 for a rough map.
    """
    if method == "integrated-gradients":
        return 3 * (ROUGH_STEPS if rough else STEPS)
    if method == "occlusion":
        return 1 + int(np.prod([_positions(side, rough=rough) for side in (height, width)]))
    return 3


def check_captum(method: Method) -> None:
    """Raise UsageError if a method needs captum and it is not installed."""
    if method != "gradients" and importlib.util.find_spec("captum") is None:
        raise UsageError(
            f"{METHODS[method].title} needs captum, which is not installed",
            remedy='python -m pip install "nunbit[explain]"',
        )


def _refuse(method: Method, images: Tensor, targets: Tensor) -> None:
    if method not in METHODS:
        raise UsageError(f"no attribution method is called {method!r}", remedy=_near(method))
    check_captum(method)
    if images.ndim != 4 or len(images) == 0 or targets.shape != (len(images),):
        raise ValueError(
            f"images are [B, C, H, W] with a class each, not {[*images.shape]} and "
            f"{[*targets.shape]}"
        )


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """Arguments of a method: at most `at_once` images."""

    model: nn.Module
    images: Tensor
    """[B, C, H, W], with gradients."""
    targets: Tensor
    """[B]."""
    baseline: Tensor
    """[C, H, W]."""
    layer: str
    at_once: int
    """Images of one pass."""
    rough: bool


def _grad_cam(asked: _Asked) -> Tensor:
    from captum.attr import LayerGradCam

    with maps_of(asked.model, asked.layer, asked.images.shape[1:]) as place:
        found: Tensor = LayerGradCam(asked.model, place).attribute(
            asked.images, asked.targets, relu_attributions=True
        )
    size = list(asked.images.shape[-2:])
    return F.interpolate(found, size, mode="bilinear", align_corners=False)[:, 0]


def _integrated_gradients(asked: _Asked) -> Tensor:
    from captum.attr import IntegratedGradients

    found: Tensor = IntegratedGradients(asked.model).attribute(
        asked.images,
        asked.baseline.expand_as(asked.images),
        asked.targets,
        n_steps=ROUGH_STEPS if asked.rough else STEPS,
        internal_batch_size=asked.at_once,
    )
    return found.sum(dim=1)


def _occlusion(asked: _Asked) -> Tensor:
    from captum.attr import Occlusion

    channels, *sides = asked.images.shape[1:]
    found: Tensor = Occlusion(asked.model).attribute(
        asked.images.detach(),
        sliding_window_shapes=(channels, *(_window(side) for side in sides)),
        strides=(channels, *(_stride(side, rough=asked.rough) for side in sides)),
        baselines=asked.baseline.expand_as(asked.images),
        target=asked.targets,
        perturbations_per_eval=max(1, asked.at_once // len(asked.images)),
    )
    # All channels are covered together and get the same value.
    return found[:, 0]


def _gradients(asked: _Asked) -> Tensor:
    scores = asked.model(asked.images).gather(1, asked.targets[:, None])
    (found,) = torch.autograd.grad(scores.sum(), asked.images)
    return found.abs().amax(dim=1)


_COMPUTE: dict[Method, Callable[[_Asked], Tensor]] = {
    "grad-cam": _grad_cam,
    "integrated-gradients": _integrated_gradients,
    "occlusion": _occlusion,
    "gradients": _gradients,
}


def _window(side: int) -> int:
    return max(1, round(side / WINDOWS_PER_SIDE))


def _stride(side: int, *, rough: bool = False) -> int:
    return _window(side) if rough else -(-_window(side) // 2)


def _positions(side: int, *, rough: bool = False) -> int:
    """Places of the window along a side; the last one may be cut off by the border."""
    return 1 + -(-(side - _window(side)) // _stride(side, rough=rough))


def _backward_through_recurrence(model: nn.Module) -> contextlib.AbstractContextManager[None]:
    """NVIDIA's fused LSTM has a backward pass in training mode only; torch's own has one always."""
    if not any(isinstance(module, nn.RNNBase) for module in model.modules()):
        return contextlib.nullcontext()
    return torch.backends.cudnn.flags(enabled=False)


def _near(name: Any) -> str:
    return suggest(str(name), METHODS) or f"known are {', '.join(METHODS)}"
