"""Explanations of images: the request is settled once, then carried out for each image.

K classes, T classes explained, H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nunbit.backbone.optimize import optimize_for_inference
from nunbit.deployed import Deployed, predict_canvases
from nunbit.errors import UsageError
from nunbit.explain.attribution import (
    METHODS,
    ROUGHLY,
    Method,
    attribute,
    check_captum,
    explainer,
)
from nunbit.explain.feature_maps import FeatureMaps, feature_maps_of
from nunbit.explain.layers import Layer, layer_named, stages_of
from nunbit.explain.neighbours import Neighbour
from nunbit.explain.randomized_weights import Copies
from nunbit.explain.sanity import Checks, check_attribution, random_reference
from nunbit.explain.targets import grad_cam_layer
from nunbit.seeds import Purpose, torch_rng_for
from nunbit.types import CanvasBatch, ClassNames

USUAL_METHODS: tuple[Method, ...] = ("grad-cam", "integrated-gradients", "occlusion")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The network that is looked at, with what it needs to see and to speak."""

    deployed: Deployed
    """The model that is explained."""
    classes: ClassNames

    @property
    def model(self) -> nn.Module:
        """The network within it, from normalised float32 [B, C, H, W] to logits [B, K]."""
        return self.deployed.network

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return self.deployed.device

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return self.deployed.preprocess.shape

    def images(self, canvases: NDArray[np.uint8]) -> Tensor:
        """Canvases [B, H, W, C] as the network sees them, float32 [B, C, H, W]."""
        return self.deployed.images(torch.from_numpy(canvases).to(self.device))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Request: what an explanation should contain."""

    layers: tuple[str, ...] = ()
    """Names of layers whose feature maps are shown."""
    stages: bool | None = None
    """True if early, middle and late stages are shown as well; None: where no layer is named."""
    classes: tuple[str, ...] = ()
    """Classes that are explained beside the predicted one."""
    methods: tuple[str, ...] | None = None
    """Attribution methods; None: those of `USUAL_METHODS` that suit the network."""
    checks: bool = True
    """True if each attribution map is checked."""
    seed: int = 0
    """Seed of the random numbers of the checks."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Request, settled for one network."""

    layers: tuple[Layer, ...]
    methods: tuple[Method, ...]
    grad_cam_layer: str | None
    """None where Grad-CAM is not among the methods."""
    targets: tuple[int, ...]
    """Classes beside the predicted one."""
    checks: bool
    seed: int
    faster: nn.Module = field(repr=False)
    """The network made ready for many passes, as it is when this is settled."""
    copies: Copies | None = field(default=None, repr=False)
    """Randomized copies that maps are compared with; None without checks."""
    notes: tuple[str, ...] = ()
    """Notes on what was left out, and why."""

    @property
    def parts(self) -> int:
        """Parts of the work on one image, for showing progress."""
        return max(1, len(self.methods) + self.checks)


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """Map of the pixels that one class rests on, by one method."""

    method: Method
    target: int
    """Number of the class."""
    values: NDArray[np.float32]
    """[H, W]; below zero is what speaks against the class, where the method knows such."""
    checks: Checks | None = None
    """None where the map was not checked."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Explanation of one image."""

    name: str
    """Its path, or image 1, image 2 and so on."""
    canvas: NDArray[np.uint8]
    """[H, W, C], what the network sees before it is normalised."""
    probabilities: NDArray[np.float64]
    """[K]."""
    classes: ClassNames = field(repr=False)
    maps: tuple[FeatureMaps, ...]
    """One of each layer asked for."""
    attributions: tuple[Attribution, ...]
    """Class by class, the predicted one first; of each class one for each method."""
    neighbours: tuple[Neighbour, ...] = ()
    """Nearest first; none where no other images were given."""

    @property
    def predicted(self) -> str:
        """Name of the most probable class."""
        return self.classes[int(self.probabilities.argmax())]

    def attribution(self, method: str, target: str | None = None) -> NDArray[np.float32]:
        """[H, W], the map of one method for a class, by default the predicted one.

        Raises KeyError where it was not asked for.
        """
        wanted = target or self.predicted
        for found in self.attributions:
            if found.method == method and self.classes[found.target] == wanted:
                return found.values
        raise KeyError(f"no attribution by {method} for {wanted}")


def plan(subject: Subject, wanted: Wanted) -> Plan:
    """Settle what is wanted before any image is looked at.

    Raises UsageError for an unknown class, layer or method, where captum is missing, and for a
    method that does not suit the network where it was asked for by name.
    """
    unknown = [name for name in wanted.classes if name not in subject.classes]
    if unknown:
        raise UsageError(
            f"the model has no class {unknown[0]!r}",
            remedy=f"it has {', '.join(subject.classes[:20])}",
        )
    named = tuple(layer_named(subject.model, subject.shape, name) for name in wanted.layers)
    with_stages = not wanted.layers if wanted.stages is None else wanted.stages
    stages = stages_of(subject.model, subject.shape) if with_stages else ()
    methods, layer, notes = _methods(subject, wanted.methods)
    if stages and all(stage.places is None for stage in stages):
        notes.append(
            "The network has no feature maps between its layers, so its units are shown instead"
        )
    if subject.deployed.mirrored:
        notes.append(
            "Answers are means over an image and its mirror image; maps are of the image as it is"
        )
    noise = torch.randn((1, *subject.shape), generator=torch_rng_for(0, Purpose.NOISE))
    noise = noise.to(subject.device)
    return Plan(
        layers=(*stages, *named),
        methods=methods,
        grad_cam_layer=layer,
        targets=tuple(dict.fromkeys(subject.classes.index(name) for name in wanted.classes)),
        checks=wanted.checks,
        seed=wanted.seed,
        faster=optimize_for_inference(subject.model, noise),
        copies=Copies(subject.model, noise, seed=wanted.seed) if wanted.checks else None,
        notes=tuple(notes),
    )


def explain_image(
    subject: Subject,
    settled: Plan,
    name: str,
    canvas: NDArray[np.uint8],
    *,
    done: Callable[[], object] = lambda: None,
) -> Explanation:
    """Everything about one canvas [H, W, C]; the model is left as it is.

    `done` is called when one of the `parts` of the plan is done.
    """
    images = subject.images(canvas[None])
    answered = predict_canvases(subject.deployed, [_batch_of_one(canvas)])
    predicted = int(answered.predicted[0])
    targets = tuple(dict.fromkeys((predicted, *settled.targets)))
    (maps,) = feature_maps_of(subject.model, images, settled.layers)
    return Explanation(
        name=name,
        canvas=canvas,
        probabilities=answered.probabilities[0],
        classes=subject.classes,
        maps=maps,
        attributions=_attributions(subject, settled, images, targets, done),
    )


def _batch_of_one(canvas: NDArray[np.uint8]) -> CanvasBatch:
    return CanvasBatch(
        canvases=torch.from_numpy(canvas[None]),
        targets=torch.full((1,), -1),
        indices=np.arange(1),
    )


def _methods(
    subject: Subject, asked: Sequence[str] | None
) -> tuple[tuple[Method, ...], str | None, list[str]]:
    """The methods, the layer of Grad-CAM, and what was left out."""
    for name in asked or ():
        if name not in METHODS:
            raise UsageError(
                f"no attribution method is called {name!r}",
                remedy=f"choose from {', '.join(METHODS)}",
            )
    chosen = [
        info.name
        for info in METHODS.values()
        if info.name in (USUAL_METHODS if asked is None else asked)
    ]
    for method in chosen:
        check_captum(method)
    if "grad-cam" not in chosen:
        return tuple(chosen), None, []
    try:
        return tuple(chosen), grad_cam_layer(subject.model, subject.shape), []
    except UsageError as error:
        if asked is not None:
            raise
        chosen.remove("grad-cam")
        return tuple(chosen), None, [f"Grad-CAM is left out: {error.what}"]


def _attributions(
    subject: Subject,
    settled: Plan,
    images: Tensor,
    targets: Sequence[int],
    done: Callable[[], object],
) -> tuple[Attribution, ...]:
    """Attribute one image [1, C, H, W] for each class by each method; `done` after each part."""
    several = images.expand(len(targets), -1, -1, -1).contiguous()
    classes = torch.tensor(targets, device=images.device)
    reference = None
    if settled.checks:
        random = random_reference(
            settled.faster,
            several,
            classes,
            temperature=subject.deployed.temperature,
            seed=settled.seed,
        )
        reference = replace(random, copies=settled.copies)
        done()
    found: dict[tuple[int, Method], Attribution] = {}
    for method in settled.methods:
        layer = settled.grad_cam_layer if method == "grad-cam" else None
        of_many = method in ROUGHLY
        network = settled.faster if of_many else subject.model
        maps = attribute(network, several, classes, method=method, layer=layer)
        checks: Sequence[Checks | None] = [None] * len(targets)
        if reference is not None:
            checks = check_attribution(
                explainer(method, layer=layer),
                settled.faster,
                several,
                classes,
                maps=maps,
                rough=explainer(method, rough=True) if of_many else None,
                reference=reference,
                seed=settled.seed,
            )
        for target, values, checked in zip(targets, maps, checks, strict=True):
            found[target, method] = Attribution(
                method=method, target=target, values=values, checks=checked
            )
        done()
    return tuple(found[target, method] for target in targets for method in settled.methods)
