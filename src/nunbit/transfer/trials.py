"""Plans tried in small: short trainings in earnest, judged on held-out images.

How long a trial is depends on the network's multiply-adds and not on the clock, so that the same
data give the same advice on a busy machine. m images are trained on, B in a batch.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nunbit.errors import UsageError
from nunbit.features.cuts import Cut, cuts_of
from nunbit.features.extract import extract
from nunbit.features.pieces import prefix, suffix
from nunbit.inference import forward
from nunbit.models.info import BUILD_ERRORS
from nunbit.models.mode import evaluation_mode
from nunbit.models.summary import summarise
from nunbit.seeds import Purpose, derive_seed
from nunbit.training.optim import (
    make_optimizer,
    parameter_groups,
    schedule_factor,
    set_learning_rate,
)
from nunbit.transfer.case import Case, Images
from nunbit.transfer.evidence import Head, fit_simple_head
from nunbit.transfer.heads import FittedHead, PathPoint
from nunbit.transfer.install import install
from nunbit.transfer.plans import Trial, share

TRIAL_SIDE = 96
"""Pixels to which larger images are made smaller for trials."""
SCRATCH_TRIAL_SIDE = 48
"""The same for training from scratch, whose networks are no lightweights."""
TRIAL_MULTIPLY_ADDS = 2e11
"""Of one trial, forward and backward."""
SCRATCH_LONGER = 2.5
"""Factor on that for training from scratch, which begins with nothing."""
PASSES_OF_A_STEP = 3
"""A backward pass costs about two forward passes."""
MOST_EPOCHS = 20
FEWEST_EPOCHS, FEWEST_IMAGES = 5, 200
"""Trials train on so few images that everything can be trained for so many epochs, but not on
fewer images than this: a plan that stops half-way looks worse than it is."""
FEWEST_VISITS = 200
"""A trial that cannot see so many images tells nothing, and is left out."""
BATCH = 32
LEARNING_RATE = 5e-4
"""Highest of one cycle of AdamW, from the fitted head on: a quarter of the usual."""
SCRATCH_LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.01


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A trial with the answers behind it."""

    trial: Trial
    right: NDArray[np.bool_]
    """[h] of the held-out images."""
    head_right: NDArray[np.bool_]
    """[h] of the head alone, fitted on the same images at the same size."""


@dataclass(frozen=True, kw_only=True)
class Arena:
    """The images of all trials, divided, with the head that each trial begins with."""

    train: Images
    held_out: Images
    cuts: tuple[Cut, ...]
    head: Head
    head_right: NDArray[np.bool_]


def make_arena(case: Case, held_out: NDArray[np.bool_], *, strength: float) -> Arena:
    """Make the images small where the network allows it, and fit the head that trials begin with.

    `held_out` [n] says which images the trials are judged on. Of the others, the first are trained
    on: the case's images are in an order of which every beginning has the classes in proportion.
    """
    images = _at_trial_size(case)
    cuts = cuts_of(case.network, images.shape)
    affordable = _affordable(_multiply_adds(case.network, cuts, images.shape))
    most = max(FEWEST_IMAGES, int(affordable / FEWEST_EPOCHS))
    train, judged = (
        images.take(np.flatnonzero(~held_out)[:most]),
        images.take(np.flatnonzero(held_out)),
    )
    last = cuts[-1]
    body = prefix(case.network, last)
    features = [extract(body, part.batches(), pool=last.pooled) for part in (train, judged)]
    (head,) = fit_simple_head(features[0], train.labels, classes=case.classes, strengths=[strength])
    return Arena(
        train=train,
        held_out=judged,
        cuts=cuts,
        head=head,
        head_right=head.right(features[1], judged.labels),
    )


def _at_trial_size(case: Case) -> Images:
    images = case.images
    if images.side <= TRIAL_SIDE:
        return images
    height, width = (round(side * TRIAL_SIDE / images.side) for side in images.shape[1:])
    small = images.resized(max(1, height), max(1, width))
    try:
        with evaluation_mode(case.network):
            (batch, *_) = small.take(np.arange(1)).batches()
            forward(case.network, batch.images)
        cuts_of(case.network, small.shape)
    except BUILD_ERRORS:  # it takes its own size only
        return images
    return small


def try_plan(case: Case, arena: Arena, plan: str, *, learning_stages: int) -> Tried | None:
    """Train the last `learning_stages` stages and the head for a while, the rest frozen.

    None where the network is too large for a trial. Batch normalisation keeps its statistics.
    """
    frozen = len(arena.cuts) - learning_stages
    network = copy.deepcopy(case.network).to(memory_format=torch.channels_last)
    install(network, _as_fitted(arena), shape=arena.train.shape)
    cut = arena.cuts[frozen - 1] if frozen > 0 else None
    spent_before = 0 if cut is None else cut.multiply_adds_before
    whole = _multiply_adds(network, arena.cuts, arena.train.shape)
    visits = int(min(_affordable(whole - spent_before), MOST_EPOCHS * len(arena.train)))
    if visits < FEWEST_VISITS:
        return None
    if cut is None:
        learning: nn.Module = network
        inputs = [_pictures(part) for part in (arena.train, arena.held_out)]
    else:
        body = prefix(network, cut)
        learning = suffix(network, cut)
        inputs = [
            torch.from_numpy(extract(body, part.batches()))
            for part in (arena.train, arena.held_out)
        ]
    learning.eval()
    began = time.perf_counter()
    _train(learning, inputs[0], arena.train, visits=visits, rate=LEARNING_RATE, seed=case.seed)
    seconds = time.perf_counter() - began
    right = _answers(learning, inputs[1], arena.held_out)
    return _tried(
        arena,
        plan,
        images=len(arena.train),
        right=right,
        visits=visits,
        seconds=seconds,
        side=arena.train.side,
    )


def try_scratch(case: Case, held_out: NDArray[np.bool_], arena: Arena) -> Tried | None:
    """Train the default network from random weights, at its own size, on all images not held out.

    It is judged on the same images as the other trials, and sees more in training: it needs them.
    """
    wanted = case.scratch
    less = min(1.0, SCRATCH_TRIAL_SIDE / max(wanted.height, wanted.width))
    images = case.images.resized(round(less * wanted.height), round(less * wanted.width))
    train, judged = images.take(np.flatnonzero(~held_out)), images.take(np.flatnonzero(held_out))
    network = (
        wanted.build(*images.shape[1:]).to(images.device).to(memory_format=torch.channels_last)
    )
    cuts = cuts_of(network, images.shape)
    work = _multiply_adds(network, cuts, images.shape)
    visits = int(min(SCRATCH_LONGER * _affordable(work), MOST_EPOCHS * len(train)))
    if visits < FEWEST_VISITS:
        return None
    network.train()
    began = time.perf_counter()
    _train(
        network,
        _pictures(train),
        train,
        visits=visits,
        rate=SCRATCH_LEARNING_RATE,
        seed=case.seed,
    )
    seconds = time.perf_counter() - began
    network.eval()
    right = _answers(network, _pictures(judged), judged)
    return _tried(
        arena,
        "none",
        images=len(train),
        right=right,
        visits=visits,
        seconds=seconds,
        side=images.side,
    )


def _multiply_adds(network: nn.Module, cuts: tuple[Cut, ...], shape: tuple[int, int, int]) -> int:
    """Of one image up to the head; of the whole where the network cannot be followed.

    What cannot be counted at all is taken for too much.
    """
    if cuts[-1].multiply_adds_before:
        return cuts[-1].multiply_adds_before
    try:
        return summarise(network, shape).multiply_adds
    except UsageError:
        return int(TRIAL_MULTIPLY_ADDS)


def _affordable(multiply_adds: int) -> float:
    """How many images a trial may see, each as often as it is seen."""
    return TRIAL_MULTIPLY_ADDS / (PASSES_OF_A_STEP * max(1, multiply_adds))


def _pictures(images: Images) -> Tensor:
    """Normalised, float32 [n, C, H, W], on the CPU."""
    return torch.cat([batch.images.cpu() for batch in images.batches()])


def _train(
    learning: nn.Module, inputs: Tensor, images: Images, *, visits: int, rate: float, seed: int
) -> None:
    """Steps of AdamW over shuffled batches, in the mode that the module is in."""
    device = images.device
    optimizer = make_optimizer(
        "adamw", parameter_groups(learning, WEIGHT_DECAY), learning_rate=rate
    )
    generator = np.random.default_rng(derive_seed(seed, Purpose.ORDER))
    labels = torch.from_numpy(images.labels)
    size = min(BATCH, len(images))
    steps = max(1, visits // size)
    order = np.empty(0, dtype=np.int64)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derive_seed(seed, Purpose.DROPOUT))
        for step in range(steps):
            if len(order) < size:
                order = generator.permutation(len(images))
            rows, order = order[:size], order[size:]
            set_learning_rate(
                optimizer, rate * schedule_factor("one-cycle", step / steps, warmup_fraction=0.2)
            )
            logits = _logits(learning(_laid_out(inputs[rows].to(device))))
            optimizer.zero_grad()
            loss = cross_entropy(logits, labels[rows].to(device))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()


def _logits(output: object) -> Tensor:
    """Networks with auxiliary classifiers return several while training."""
    found = getattr(output, "logits", output)
    assert isinstance(found, Tensor)
    return found


def _laid_out(inputs: Tensor) -> Tensor:
    """Maps with their channels last, which is quicker; vectors as they are."""
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.ndim == 4 else inputs


def _answers(network: nn.Module, inputs: Tensor, images: Images) -> NDArray[np.bool_]:
    """[n] whether each image is recognised."""
    size = images.batches().batch_size
    logits = torch.cat(
        [
            forward(network, _laid_out(part.to(images.device))).cpu()
            for part in torch.split(inputs, size)
        ]
    )
    return np.asarray(logits.argmax(dim=1).numpy() == images.labels)


def _as_fitted(arena: Arena) -> FittedHead:
    """The head in the form that can be put into a network."""
    point = PathPoint(
        strength=0.0,
        epoch=0,
        train_loss=0.0,
        train_accuracy=0.0,
        loss=0.0,
        accuracy=float(arena.head_right.mean()),
        chosen=True,
    )
    layers = ((arena.head.weight, arena.head.bias),)
    return FittedHead(kind="logistic", layers=layers, path=(point,), chosen_by="nothing")


def _tried(
    arena: Arena,
    plan: str,
    *,
    images: int,
    right: NDArray[np.bool_],
    visits: int,
    seconds: float,
    side: int,
) -> Tried:
    trial = Trial(
        plan=plan,
        images=images,
        held_out=len(right),
        visits=visits,
        side=side,
        seconds=seconds,
        accuracy=share(int(right.sum()), len(right)),
        head_accuracy=float(arena.head_right.mean()),
    )
    return Tried(trial=trial, right=right, head_right=arena.head_right)
