"""Plans tried in small: short real trainings, judged on held-out images.

How long a trial is depends on the network's multiply-adds and not on the clock, so that the same
data give the same advice on a busy machine. m images are trained on, B in a batch.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from nunbit.advisor.evidence import Head, fit_simple_head
from nunbit.advisor.inputs import AdvisorInput, Images
from nunbit.advisor.plans import Trial, proportion
from nunbit.backbone.extract import extract
from nunbit.backbone.pieces import feature_extractor, head_from
from nunbit.backbone.split_points import SplitPoint, find_split_points
from nunbit.data.batches import balanced_rows
from nunbit.errors import UsageError
from nunbit.finetune.finetune import boundary, fine_tuning
from nunbit.finetune.heads import FittedHead, PathPoint
from nunbit.finetune.install import install
from nunbit.inference import forward
from nunbit.models.info import BUILD_ERRORS
from nunbit.models.mode import evaluation_mode
from nunbit.models.summary import summarise
from nunbit.seeds import Purpose, derive_seed, rng_for
from nunbit.training.optim import (
    make_optimizer,
    parameter_groups,
    schedule_factor,
    set_learning_rate,
)

TRIAL_SIDE = 96
"""Pixels to which larger images are made smaller for trials."""
SCRATCH_TRIAL_SIDE = 48
"""The same for training from scratch, whose networks are not light."""
TRIAL_MULTIPLY_ADDS = 4.5e11
"""Work of one plan over all its rounds, forward and backward, when everything learns."""
SCRATCH_LONGER = 2.0
"""Factor on that for training from scratch, which begins with nothing."""
PASSES_OF_A_STEP = 3
"""A backward pass costs about two forward passes."""
MAX_ROUNDS = 3
"""Each round trains every plan again: one short training alone is a matter of luck."""
MIN_JUDGED = 400
"""Images judged over all rounds after which longer trainings say more than another round."""
MAX_EPOCHS = 20
MIN_EPOCHS, MIN_IMAGES = 5, 200
"""Trials train on so few images that everything can be trained for so many epochs, but not on
fewer images than this: a plan that stops half-way looks worse than it is."""
MIN_VISITS = 400
"""A training that cannot see so many images tells little, and is left out."""
BATCH = 32
LEARNING_RATE = 5e-4
"""Highest of one cycle of AdamW, from the fitted head on: a quarter of the usual."""
SCRATCH_LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.01


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """A trial with the answers behind it, on the same images for all plans."""

    trial: Trial
    right: NDArray[np.bool_]
    """[h] of the held-out images, over all rounds."""
    head_right: NDArray[np.bool_]
    """[h] of the head alone, fitted on the same images at the same size."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One division of the images, with the head that its trials begin with."""

    held_out: NDArray[np.bool_]
    """[n] of the case's images."""
    train: Images
    judged: Images
    head: Head
    head_right: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class TrialSetup:
    """Setup of the trials of all plans: rounds that judge each image at most once."""

    rounds: tuple[Round, ...]
    split_points: tuple[SplitPoint, ...]
    side: int
    visits: Mapping[int, int]
    """Images that a training may see, by the number of stages that learn, each as often as it
    is seen; none for what is too large. One number for all: so it is in the real training, too."""

    @property
    def head_right(self) -> NDArray[np.bool_]:
        """[h] of the heads that trials begin with."""
        return np.concatenate([one.head_right for one in self.rounds])


def set_up_trials(
    case: AdvisorInput, folds: NDArray[np.int64], *, strength: float, learning: Collection[int]
) -> TrialSetup:
    """Make the images small where the network allows it, and fit the heads that trials begin with.

    `folds` [n] are those of `make_folds`; each round holds out some of them. Of the others, the
    first are trained on: the case's images are in an order of which every beginning has the
    classes in proportion. `learning` are the numbers of stages that plans train.
    """
    images = _at_trial_size(case)
    split_points = find_split_points(case.network, images.shape)
    # Folds are joined into as many parts as there are rounds at most, and few images need all.
    parts = min(MAX_ROUNDS, int(folds.max()) + 1)
    rounds = min(parts, math.ceil(MIN_JUDGED * parts / len(images)))
    # Frozen stages run once for each image, not in each step: their work is not counted.
    whole = _multiply_adds(case.network, split_points, images.shape)
    before = {
        n: split_points[-1 - n].multiply_adds_before if n < len(split_points) else 0
        for n in learning
    }
    affordable = {n: _affordable(whole - spent) / rounds for n, spent in before.items()}
    tried = [n for n in learning if affordable[n] >= MIN_VISITS]
    # All plans see as many images as the most expensive one that can be tried, lest a plan win by
    # having been trained for longer.
    cheapest = min((affordable[n] for n in tried), default=0.0)
    max_images = max(MIN_IMAGES, int(cheapest / MIN_EPOCHS))
    # The heads that all trials begin with are fitted on the features at the trials' own size.
    last = split_points[-1]
    features = extract(feature_extractor(case.network, last), images.batches(), pool=last.pooled)
    divided = tuple(
        _round(
            case,
            images,
            features,
            folds % parts == number,
            max_images=max_images,
            strength=strength,
        )
        for number in range(rounds)
    )
    visits = int(min(cheapest, MAX_EPOCHS * min(len(one.train) for one in divided)))
    return TrialSetup(
        rounds=divided,
        split_points=split_points,
        side=images.side,
        visits=dict.fromkeys(tried, visits),
    )


def _round(
    case: AdvisorInput,
    images: Images,
    features: NDArray[np.float32],
    held_out: NDArray[np.bool_],
    *,
    max_images: int,
    strength: float,
) -> Round:
    rows, judged = np.flatnonzero(~held_out)[:max_images], np.flatnonzero(held_out)
    labels = images.labels
    (head,) = fit_simple_head(
        features[rows],
        labels[rows],
        classes=case.classes,
        strengths=[strength],
        objective=case.head_objective,
    )
    return Round(
        held_out=held_out,
        train=images.take(rows),
        judged=images.take(judged),
        head=head,
        head_right=head.right(features[judged], labels[judged]),
    )


def _at_trial_size(case: AdvisorInput) -> Images:
    images = case.images
    if images.side <= TRIAL_SIDE:
        return images
    height, width = (round(side * TRIAL_SIDE / images.side) for side in images.shape[1:])
    small = images.resized(max(1, height), max(1, width))
    # Vision transformers with fixed positions fail on another size; asking is the only way to know.
    try:
        with evaluation_mode(case.network):
            (batch, *_) = small.take(np.arange(1)).batches()
            forward(case.network, batch.images)
        find_split_points(case.network, small.shape)
    except BUILD_ERRORS:  # it takes its own size only
        return images
    return small


def try_plan(
    case: AdvisorInput, setup: TrialSetup, plan: str, *, learning_stages: int
) -> TrialResult | None:
    """Train the last `learning_stages` stages and the head for a while, the rest frozen.

    Earlier stages learn more slowly, and batch normalisation keeps its statistics, as in the real
    training. None where the network is too large for a trial.
    """
    if learning_stages not in setup.visits:
        return None
    visits = setup.visits[learning_stages]
    answers, seconds = [], 0.0
    for one in setup.rounds:
        # A copy: the network is the caller's, and each plan starts from the same weights.
        network = copy.deepcopy(case.network).to(memory_format=torch.channels_last)
        install(network, _as_fitted(one), shape=one.train.shape)
        tuning = fine_tuning(network, setup.split_points, mode=plan, freeze_statistics=True)
        split_point = boundary(tuning, setup.split_points)
        if split_point is None:
            learning: nn.Module = network
            inputs = [_images_of(part) for part in (one.train, one.judged)]
        else:
            body, learning = (
                feature_extractor(network, split_point),
                head_from(network, split_point),
            )
            # What never learns is computed once; the steps then cost what the rest costs.
            inputs = [
                torch.from_numpy(extract(body, part.batches())) for part in (one.train, one.judged)
            ]
        learning.train()
        # All at once, not stage by stage: a trial is too short to unfreeze in turns.
        tuning.freeze(network, tuning.always_frozen)
        slower = tuning.stages.scales(case.stage_decay)
        groups = parameter_groups(network, WEIGHT_DECAY, scales=slower)
        began = time.perf_counter()
        _train(
            learning,
            make_optimizer("adamw", groups, learning_rate=LEARNING_RATE),
            inputs[0],
            one.train,
            case,
            visits=visits,
            rate=LEARNING_RATE,
        )
        seconds += time.perf_counter() - began
        answers.append(_answers(learning, inputs[1], one.judged))
    images = min(len(one.train) for one in setup.rounds)
    return _tried(setup, plan, answers, images=images, visits=visits, seconds=seconds)


def try_scratch(case: AdvisorInput, setup: TrialSetup) -> TrialResult | None:
    """Train the default network from random weights, at its own size, on all images not held out.

    It is judged on the same images as the other trials, and sees more in training: it needs them.
    """
    wanted = case.scratch
    less = min(1.0, SCRATCH_TRIAL_SIDE / max(wanted.height, wanted.width))
    # From the images themselves and not from the trials' small ones, which may be of other shape.
    images = case.images.resized(round(less * wanted.height), round(less * wanted.width))
    answers, seconds, visits, fewest = [], 0.0, 0, len(images)
    for one in setup.rounds:
        train = images.take(np.flatnonzero(~one.held_out))
        judged = images.take(np.flatnonzero(one.held_out))
        network = (
            wanted.build(*images.shape[1:]).to(images.device).to(memory_format=torch.channels_last)
        )
        work = _multiply_adds(network, find_split_points(network, images.shape), images.shape)
        affordable = SCRATCH_LONGER * _affordable(work) / len(setup.rounds)
        visits = int(min(affordable, wanted.epochs * len(train)))
        if visits < MIN_VISITS:
            return None
        network.train()
        groups = parameter_groups(network, WEIGHT_DECAY)
        began = time.perf_counter()
        _train(
            network,
            make_optimizer("adamw", groups, learning_rate=SCRATCH_LEARNING_RATE),
            _images_of(train),
            train,
            case,
            visits=visits,
            rate=SCRATCH_LEARNING_RATE,
        )
        seconds += time.perf_counter() - began
        answers.append(_answers(network, _images_of(judged), judged))
        fewest = min(fewest, len(train))
    return _tried(
        setup,
        "none",
        answers,
        images=fewest,
        visits=visits,
        seconds=seconds,
        side=images.side,
    )


def _multiply_adds(
    network: nn.Module, split_points: tuple[SplitPoint, ...], shape: tuple[int, int, int]
) -> int:
    """Multiply-adds of one image up to the head; of the whole where the network cannot be followed.

    What cannot be counted at all is taken for too much.
    """
    if split_points[-1].multiply_adds_before:
        return split_points[-1].multiply_adds_before
    try:
        return summarise(network, shape).multiply_adds
    except UsageError:
        return int(TRIAL_MULTIPLY_ADDS)


def _affordable(multiply_adds: int) -> float:
    """Number of images that a trial may see, each as often as it is seen."""
    return TRIAL_MULTIPLY_ADDS / (PASSES_OF_A_STEP * max(1, multiply_adds))


def _images_of(images: Images) -> Tensor:
    """Normalised, float32 [n, C, H, W], on the CPU."""
    return torch.cat([batch.images.cpu() for batch in images.batches()])


def _train(
    learning: nn.Module,
    optimizer: Optimizer,
    inputs: Tensor,
    images: Images,
    case: AdvisorInput,
    *,
    visits: int,
    rate: float,
) -> None:
    """Steps over shuffled batches, one cycle up to `rate`, in the mode that the module is in."""
    device, seed = images.device, case.seed
    generator = rng_for(seed, Purpose.ORDER)
    labels = torch.from_numpy(images.labels)
    rows = np.arange(len(images))
    size = min(BATCH, len(images))
    steps = max(1, visits // size)
    order = np.empty(0, dtype=np.int64)
    # Dropout draws from torch's global generator, which is the caller's.
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derive_seed(seed, Purpose.DROPOUT))
        for step in range(steps):
            # Only full batches: a rest of one image would upset batch normalisation.
            if len(order) < size:
                shown = balanced_rows(rows, images.labels, generator) if case.balanced else rows
                order = generator.permutation(shown)
            chosen, order = order[:size], order[size:]
            set_learning_rate(
                optimizer, rate * schedule_factor("one-cycle", step / steps, warmup_fraction=0.2)
            )
            logits = _logits(learning(_channels_last(inputs[chosen].to(device))))
            optimizer.zero_grad()
            loss = case.loss(logits, labels[chosen].to(device))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()


def _logits(output: object) -> Tensor:
    """Networks with auxiliary classifiers return several while training."""
    found = getattr(output, "logits", output)
    assert isinstance(found, Tensor)
    return found


def _channels_last(inputs: Tensor) -> Tensor:
    """Maps with their channels last, which is quicker; vectors as they are."""
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.ndim == 4 else inputs


def _answers(network: nn.Module, inputs: Tensor, images: Images) -> NDArray[np.bool_]:
    """[n] whether each image is recognised."""
    size = images.batches().batch_size
    with evaluation_mode(network):
        logits = torch.cat(
            [
                forward(network, _channels_last(part.to(images.device))).cpu()
                for part in torch.split(inputs, size)
            ]
        )
    return np.asarray(logits.argmax(dim=1).numpy() == images.labels)


def _as_fitted(one: Round) -> FittedHead:
    """The head in the form that can be put into a network."""
    point = PathPoint(
        strength=0.0,
        epoch=0,
        train_loss=0.0,
        train_accuracy=0.0,
        loss=0.0,
        accuracy=float(one.head_right.mean()),
        chosen=True,
    )
    layers = ((one.head.weight, one.head.bias),)
    return FittedHead(kind="logistic", layers=layers, path=(point,), chosen_by="nothing")


def _tried(
    setup: TrialSetup,
    plan: str,
    answers: Sequence[NDArray[np.bool_]],
    *,
    images: int,
    visits: int,
    seconds: float,
    side: int | None = None,
) -> TrialResult:
    right, head_right = np.concatenate(answers), setup.head_right
    trial = Trial(
        plan=plan,
        images=images,
        held_out=len(right),
        visits=visits,
        side=setup.side if side is None else side,
        seconds=seconds,
        accuracy=proportion(int(right.sum()), len(right)),
        head_accuracy=float(head_right.mean()),
        rounds=len(answers),
    )
    return TrialResult(trial=trial, right=right, head_right=head_right)
