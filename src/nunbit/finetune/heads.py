"""Heads on features: fitted in seconds, then put into the network.

Three kinds: `logistic` (regression along a path of penalties), `linear` (the same layer, trained
with the optimisers of the course) and `mlp` (one hidden layer). n images, D features, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nunbit.errors import UsageError
from nunbit.finetune.layers import train_layers
from nunbit.finetune.logistic import fit_logistic
from nunbit.finetune.selection import (
    PLAIN,
    Choice,
    ChosenBy,
    Examples,
    HeadObjective,
    PathPoint,
)
from nunbit.finetune.settings import HIDDEN, HeadSettings

__all__ = [
    "HIDDEN",
    "KINDS",
    "PLAIN",
    "FittedHead",
    "HeadKind",
    "HeadObjective",
    "HeadSettings",
    "Labelled",
    "PathPoint",
    "fit_head",
]

HeadKind: TypeAlias = Literal["logistic", "linear", "mlp"]
KINDS: tuple[HeadKind, ...] = get_args(HeadKind)
Layers: TypeAlias = tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
MIN_DEVIATION = 0.01
"""Share of the median deviation below which a feature counts as one that hardly ever changes."""


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Features of some images with their classes. Raises ValueError if they do not match."""

    features: NDArray[np.float32]
    """[n, D]"""
    labels: NDArray[np.int64]
    """[n] class of each."""
    views: int = 1
    """So many views of each image, one of all images after the other."""
    groups: NDArray[np.int64] | None = None
    """[n / views] equal for images that belong together and are never judged by each other; None
    where each stands alone."""

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or len(self.features) != len(self.labels):
            shapes = f"{self.features.shape} and {self.labels.shape}"
            raise ValueError(f"features [n, D] and labels [n] do not match: {shapes}")
        if len(self.labels) % self.views:
            raise ValueError(f"{len(self.labels)} rows are not {self.views} views of each image")
        if self.groups is not None and len(self.groups) * self.views != len(self.labels):
            raise ValueError(f"{len(self.groups)} groups do not match {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, kw_only=True)
class FittedHead:
    """Layers from features [n, D] to logits [n, K], with ReLU between them."""

    kind: HeadKind
    layers: Layers
    """Weight [out, in] and bias [out] of each, on features as the network makes them."""
    path: tuple[PathPoint, ...]
    """Candidates in the order in which they were tried; one is chosen."""
    chosen_by: ChosenBy

    @property
    def chosen(self) -> PathPoint:
        """The candidate that became the head."""
        return next(point for point in self.path if point.chosen)

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, D] -> [n, K]."""
        values = features
        for number, (weight, bias) in enumerate(self.layers):
            values = values if number == 0 else np.maximum(values, 0)
            values = values @ weight.T + bias
        return values


def fit_head(
    kind: HeadKind,
    train: Labelled,
    validation: Labelled | None,
    *,
    classes: int,
    seed: int,
    settings: HeadSettings | None = None,
    device: torch.device | None = None,
    objective: HeadObjective = PLAIN,
) -> FittedHead:
    """Fit a head; what is open is chosen by the cross entropy on `validation`.

    With class weights, that is the weighted one.

    Open is the strength of the penalty (logistic) or the epoch (linear, mlp). Without a validation
    part the strength is cross-validated, and the last epoch taken. Features are standardised by the
    training part; the standardisation is folded into the first layer. The same data and seed give
    the same head on the same machine.

    Raises:
        UsageError: for an unknown kind.
        ValueError: for no image, a class out of range, or features that are not finite.
        TrainingError: when the loss is no longer a number.
    """
    if kind not in KINDS:
        raise UsageError(f"no head is called {kind!r}", remedy=f"choose {', '.join(KINDS)}")
    settings = settings or HeadSettings()
    _refuse(train, classes)
    if validation is not None and len(validation) == 0:
        validation = None
    if validation is not None:
        _refuse(validation, classes)
    if device is not None and device.type == "mps":
        device = None  # it knows no float64, in which losses are added up
    scale = _Scale.of(train.features)
    known = scale.examples(train, device, objective)
    held = None if validation is None else scale.examples(validation, device, objective)
    if kind == "logistic":
        images = len(train) // train.views
        groups = np.arange(images) if train.groups is None else train.groups
        choice = fit_logistic(known, held, classes=classes, seed=seed, groups=groups)
    else:
        choice = train_layers(
            known,
            held,
            classes=classes,
            hidden=settings.hidden if kind == "mlp" else None,
            seed=seed,
            settings=settings,
        )
    return FittedHead(
        kind=kind,
        layers=_adjusted(scale.folded(choice), objective),
        path=choice.path,
        chosen_by=choice.chosen_by,
    )


def _adjusted(layers: Layers, objective: HeadObjective) -> Layers:
    """The layers whose logits give those that were fitted once the adjustment is added."""
    if objective.adjustment is None:
        return layers
    *first, (weight, bias) = layers
    bias = (bias - objective.adjustment.cpu().numpy()).astype(np.float32)
    return (*first, (weight, bias))


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """Mean and deviation of each feature."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, features: NDArray[np.float32]) -> _Scale:
        """The training part's scale; what hardly ever changes there is not blown up elsewhere."""
        deviation = features.std(axis=0, dtype=np.float64)
        changing = deviation[deviation > 0]
        least = MIN_DEVIATION * float(np.median(changing)) if len(changing) else 1.0
        return cls(
            mean=features.mean(axis=0, dtype=np.float64), deviation=np.maximum(deviation, least)
        )

    def examples(
        self, known: Labelled, device: torch.device | None, objective: HeadObjective
    ) -> Examples:
        mean, deviation = self.mean.astype(np.float32), self.deviation.astype(np.float32)
        features = torch.from_numpy((known.features - mean) / deviation)
        labels = torch.from_numpy(np.ascontiguousarray(known.labels, dtype=np.int64))
        return Examples(
            features=features.to(device),
            labels=labels.to(device),
            objective=objective.on(device),
        )

    def folded(self, choice: Choice) -> Layers:
        """The layers on features as they are: W (x - m) / d + b is (W / d) x + (b - (W / d) m)."""
        (weight, bias), *later = [(_plain(w), _plain(b)) for w, b in choice.layers]
        weight = weight / self.deviation
        bias = bias - weight @ self.mean
        return tuple(
            (w.astype(np.float32), b.astype(np.float32)) for w, b in [(weight, bias), *later]
        )


def _plain(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.double().cpu().numpy()


def _refuse(examples: Labelled, classes: int) -> None:
    if len(examples) == 0:
        raise ValueError("a head needs at least one image")
    if not np.isfinite(examples.features).all():
        raise ValueError("the features are not finite numbers: the network is damaged")
    if examples.labels.min() < 0 or examples.labels.max() >= classes:
        raise ValueError(f"a label lies outside of 0 to {classes - 1}")
