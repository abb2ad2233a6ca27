"""Multinomial logistic regression along a path of penalties.

Minimised is the mean cross entropy plus strength / 2 times the sum of squared weights (biases go
free), by L-BFGS, which is deterministic and exact: the problem is convex, also with weighted
classes. With the focal loss it is not, and the start decides. Each strength starts from the
solution of the stronger one before it. n images, D features, K classes.

Not scikit-learn's `LogisticRegression`, which finds the same minima: over the same eleven strengths
it took as long with 1,500 images of 1,280 features in five classes (0.28 s of processor time
against 0.32 here, one thread), and 0.10 s against 0.06 with 192 images, where the space that the
images span is the smaller one. It would have to be imported, a second of processor time, brings the
features to the CPU, and does not stop at the end of a path.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController
from torch import Tensor

from nunbit.finetune.selection import (
    Choice,
    Examples,
    Layer,
    PathPoint,
    best_of,
    judged,
    with_choice,
)
from nunbit.seeds import Purpose, sklearn_seed

STRENGTHS = tuple(10.0 ** (1 - half / 2) for half in range(11))
"""10 down to 1e-4 in half decades, for standardised features; divided by the number of classes,
because the mean loss feels a class's weights by its fraction of the images only."""
PATIENCE = 2
"""The path ends when the loss has grown worse so many times in a row: weaker overfits more."""
WITHOUT_CHOICE = 0.1
"""The same where there are too few images to choose by."""
FOLDS = 5
MAX_ITERATIONS = 150
GRADIENT_TOLERANCE = 1e-4
"""Limit of the gradient's largest entry, divided by the number of classes like the strengths."""
LOSS_TOLERANCE = 1e-7
"""Fraction of the loss that a step gains at least; less changes no prediction."""


def fit_logistic(
    train: Examples,
    validation: Examples | None,
    *,
    classes: int,
    seed: int,
    groups: NDArray[np.int64],
) -> Choice:
    """The strength of least cross entropy on the validation part, else cross-validated.

    `groups` are those of `Labelled`, of one view of the training part.
    """
    if len(train) >= train.features.shape[1]:
        return _choose(train, validation, classes, seed=seed, groups=groups)
    # The solution lies in the space that the images span (representer theorem), and with fewer
    # images than features that space is the smaller one; distances and norms are the same in it.
    basis = torch.linalg.qr(train.features.T).Q
    choice = _choose(
        _within(train, basis),
        None if validation is None else _within(validation, basis),
        classes,
        seed=seed,
        groups=groups,
    )
    layers = tuple((weight @ basis.T, bias) for weight, bias in choice.layers)
    return replace(choice, layers=layers)


def _within(examples: Examples, basis: Tensor) -> Examples:
    return replace(examples, features=examples.features @ basis)


def _choose(
    train: Examples,
    validation: Examples | None,
    classes: int,
    *,
    seed: int,
    groups: NDArray[np.int64],
) -> Choice:
    if validation is not None:
        return _by_validation(train, validation, classes)
    folds = _folds(train.labels.cpu().numpy(), groups, seed)
    if not folds:
        strength = WITHOUT_CHOICE / classes
        layer = fit_strength(train, strength, nothing_known(train, classes))
        return Choice(layers=(layer,), path=(_point(layer, strength, train),), chosen_by="nothing")
    return _by_cross_validation(train, folds, classes)


def _by_validation(train: Examples, validation: Examples, classes: int) -> Choice:
    path: list[PathPoint] = []
    layers: list[Layer] = []
    layer = nothing_known(train, classes)
    for strength in _strengths(classes):
        layer = fit_strength(train, strength, layer)
        layers.append(layer)
        path.append(_point(layer, strength, train, *judged(_logits(layer), validation)))
        if _past_the_best(path):
            break
    best = best_of(path)
    return Choice(layers=(layers[best],), path=with_choice(path, best), chosen_by="validation")


def _by_cross_validation(
    train: Examples, folds: list[tuple[Tensor, Tensor]], classes: int
) -> Choice:
    parts = [(train.at(rest), train.at(held_out)) for rest, held_out in folds]
    starts = [nothing_known(train, classes) for _ in parts]
    whole = nothing_known(train, classes)
    path: list[PathPoint] = []
    layers: list[Layer] = []
    for strength in _strengths(classes):
        starts = [
            fit_strength(part, strength, at) for (part, _), at in zip(parts, starts, strict=True)
        ]
        whole = fit_strength(train, strength, whole)
        layers.append(whole)
        results = [
            (len(held), *judged(_logits(at), held))
            for (_, held), at in zip(parts, starts, strict=True)
        ]
        loss = sum(n * loss for n, loss, _ in results) / len(train)
        accuracy = sum(n * accuracy for n, _, accuracy in results) / len(train)
        path.append(_point(whole, strength, train, loss, accuracy))
        if _past_the_best(path):
            break
    best = best_of(path)
    return Choice(
        layers=(layers[best],), path=with_choice(path, best), chosen_by="cross-validation"
    )


def _strengths(classes: int) -> tuple[float, ...]:
    return tuple(strength / classes for strength in STRENGTHS)


def _past_the_best(path: list[PathPoint]) -> bool:
    last = [point.loss for point in path[-PATIENCE - 1 :]]
    return len(last) > PATIENCE and last == sorted(last) and last[0] < last[-1]


def _folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], seed: int
) -> list[tuple[Tensor, Tensor]]:
    """Rows to train on and rows held out, stratified where each class has two groups; or [].

    Groups are whole, and so are all views of an image: its mirror image would give it away. [] for
    less than four images or two groups.
    """
    images = len(groups)
    views, labels = len(labels) // images, labels[:images]
    if images < 4 or len(np.unique(groups)) < 2:
        return []
    fewest = min(len(np.unique(groups[labels == label])) for label in np.unique(labels))
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    splitter = (
        StratifiedGroupKFold(
            min(FOLDS, fewest), shuffle=True, random_state=sklearn_seed(seed, Purpose.FOLDS)
        )
        if fewest > 1
        else GroupKFold(min(FOLDS, len(np.unique(groups))))
    )

    def all_views(rows: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.concatenate([rows + view * images for view in range(views)]))

    return [
        (all_views(rest), all_views(held_out))
        for rest, held_out in splitter.split(labels, labels, groups)
    ]


def _point(
    layer: Layer,
    strength: float,
    train: Examples,
    loss: float | None = None,
    accuracy: float | None = None,
) -> PathPoint:
    train_loss, train_accuracy = judged(_logits(layer), train)
    return PathPoint(
        strength=strength,
        epoch=0,
        train_loss=train_loss,
        train_accuracy=train_accuracy,
        loss=train_loss if loss is None else loss,
        accuracy=train_accuracy if accuracy is None else accuracy,
        chosen=loss is None,
    )


def _logits(layer: Layer) -> Any:
    return lambda features: F.linear(features, *layer)


def nothing_known(train: Examples, classes: int) -> Layer:
    """The layer of zeros, which calls all classes equally likely: where a path begins."""
    like = train.features
    return like.new_zeros(classes, like.shape[1]), like.new_zeros(classes)


def fit_strength(
    train: Examples, strength: float, start: Layer, *, max_iterations: int = MAX_ITERATIONS
) -> Layer:
    """The minimum for one strength; weight [K, D] and bias [K], float32 on the features' device."""
    classes, features = start[0].shape
    plain = train.objective.is_plain
    inputs, rows = train.features, torch.arange(len(train), device=train.labels.device)

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        parameters = torch.from_numpy(flat.reshape(classes, features + 1))
        weight, bias = parameters[:, :-1], parameters[:, -1]
        layer = (tensor.to(inputs) for tensor in (weight, bias))
        logs = F.log_softmax(F.linear(inputs, *layer).double(), dim=1)
        own, times = logs[rows, train.labels], None
        if plain:
            loss = float(-own.mean())
        else:
            each, times = train.objective.terms(own, train.labels)
            loss = float(each.mean())
        # Gradient of the mean cross entropy by the logits: (softmax - one-hot) / n.
        slope = logs.exp_()
        slope[rows, train.labels] -= 1
        if times is not None:
            slope *= times[:, None]
        slope /= len(train)
        by_weight = (slope.to(inputs).T @ inputs).double().cpu() + strength * weight
        gradient = torch.cat([by_weight, slope.sum(dim=0).cpu()[:, None]], dim=1)
        return loss + strength / 2 * float(weight.square().sum()), gradient.numpy().reshape(-1)

    flat = torch.cat([start[0], start[1][:, None]], dim=1).double().cpu().numpy().reshape(-1)
    options = {
        "maxiter": max_iterations,
        "gtol": GRADIENT_TOLERANCE / classes,
        "ftol": LOSS_TOLERANCE,
    }
    # Steps so small that two pools of threads, torch's and BLAS's, would only wait for each other:
    # one thread took a fortieth of the time with 255 images, a third with 20,000.
    with _threads().limit(limits=1):
        found = minimize(objective, flat, jac=True, method="L-BFGS-B", options=options)
    solved = torch.from_numpy(found.x.reshape(classes, features + 1)).to(inputs)
    return solved[:, :-1].contiguous(), solved[:, -1].contiguous()


@cache
def _threads() -> ThreadpoolController:
    """All pools of threads in this process; looking for them takes milliseconds."""
    return ThreadpoolController()
