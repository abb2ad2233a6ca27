"""Timing of each plan on this machine: measured on one batch, multiplied out.

Seconds are per image unless a name says otherwise.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nunbit.advisor.inputs import AdvisorInput, Images
from nunbit.backbone.pieces import feature_extractor, head_from
from nunbit.backbone.split_points import SplitPoint
from nunbit.models.mode import evaluation_mode

BATCH = 8
"""Images of the measured batch."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of an image under a plan."""

    frozen: float
    """Forward through the part that does not learn."""
    learning: float
    """Forward through the part that learns, as for validation."""
    step: float
    """A training step of the part that learns."""

    def training_seconds(
        self, *, train: int, validation: int, epochs: int, repeats_frozen: bool
    ) -> float:
        """Seconds of a whole training.

        The frozen part sees each image once and its result is kept, unless `repeats_frozen`: then
        the training images pass through it in every epoch, because augmentation changes them.
        """
        passes = epochs * train if repeats_frozen else train
        frozen = self.frozen * (passes + validation)
        return frozen + epochs * (self.step * train + self.learning * validation)


def time_plan(
    case: AdvisorInput, split_points: tuple[SplitPoint, ...], *, learning_stages: int
) -> Timing:
    """Time one forward pass of each part of the network and one step of what learns."""
    frozen_stages = len(split_points) - learning_stages
    network = copy.deepcopy(case.network).to(memory_format=torch.channels_last)
    pictures, labels = _one_batch(case.images)
    if frozen_stages <= 0:
        return Timing(
            frozen=0.0,
            learning=_seconds(lambda: _forward(network, pictures)) / len(pictures),
            step=_seconds(lambda: _step(network, pictures, labels)) / len(pictures),
        )
    split_point = split_points[frozen_stages - 1]
    body, learning = feature_extractor(network, split_point), head_from(network, split_point)
    at_cut = _forward(body, pictures)
    return Timing(
        frozen=_seconds(lambda: _forward(body, pictures)) / len(pictures),
        learning=_seconds(lambda: _forward(learning, at_cut)) / len(pictures),
        step=_seconds(lambda: _step(learning, at_cut, labels)) / len(pictures),
    )


def time_scratch(case: AdvisorInput) -> Timing:
    """The same for the network that training from scratch would take."""
    few = case.images.take(np.arange(min(BATCH, len(case.images))))
    images = few.resized(case.scratch.height, case.scratch.width)
    network = (
        case.scratch.build(*images.shape[1:])
        .to(images.device)
        .to(memory_format=torch.channels_last)
    )
    pictures, labels = _one_batch(images)
    return Timing(
        frozen=0.0,
        learning=_seconds(lambda: _forward(network, pictures)) / len(pictures),
        step=_seconds(lambda: _step(network, pictures, labels)) / len(pictures),
    )


def _one_batch(images: Images) -> tuple[Tensor, Tensor]:
    few = images.take(np.arange(min(BATCH, len(images))))
    batches = list(few.batches())
    return torch.cat([b.images for b in batches]), torch.cat([b.targets for b in batches])


def _forward(module: nn.Module, inputs: Tensor) -> Tensor:
    with evaluation_mode(module), torch.no_grad():
        output = module(inputs)
    assert isinstance(output, Tensor)
    return output


def _step(module: nn.Module, inputs: Tensor, labels: Tensor) -> None:
    """Forward and backward: the optimiser's own work is small beside them."""
    module.zero_grad()
    with evaluation_mode(module):  # as large a graph, and a batch of one is not a fault
        loss = cross_entropy(module(inputs), labels)
        loss.backward()  # type: ignore[no-untyped-call]


def _seconds(call: Callable[[], object]) -> float:
    """Seconds of one call, after another that warms up."""
    call()
    _wait()
    began = time.perf_counter()
    call()
    _wait()
    return time.perf_counter() - began


def _wait() -> None:
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
