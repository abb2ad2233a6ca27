"""How many images a second models answer, measured side by side on this machine.

B images in a batch, C channels, H height, W width.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from nunbit.bundle import Bundle
from nunbit.classifier import BATCH_SIZE
from nunbit.device import describe_device, resolve_device
from nunbit.inference import images_at_once, predict
from nunbit.types import Batch

ROUNDS = 3
SECONDS = 0.1
"""Of one model in one round, at least one batch."""


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """Images a second of some models, by name."""

    images_per_second: Mapping[str, float]
    measured_on: str
    """In words."""


def measure_speeds(bundles: Mapping[str, Bundle], *, device: str = "auto") -> Speeds:
    """The median over rounds in which the models take turns, so that all meet the same load.

    Measured is what prediction does with decoded images: normalising, the network, and bringing
    its outputs back. Decoding files comes on top and is the same for networks of one input size.
    Pixels are noise, for they change nothing.
    """
    place = resolve_device(device)
    batches = {name: _batch(bundle, place) for name, bundle in bundles.items()}
    for name, bundle in bundles.items():
        bundle.model.to(place)
        _seconds(bundle, batches[name], passes=1)  # the first pass also makes plans and caches
    passes = {
        name: max(1, round(SECONDS / _seconds(bundle, batches[name], passes=1)))
        for name, bundle in bundles.items()
    }
    speeds: dict[str, list[float]] = {name: [] for name in bundles}
    for _ in range(ROUNDS):
        for name, bundle in bundles.items():
            spent = _seconds(bundle, batches[name], passes=passes[name])
            speeds[name].append(len(batches[name]) * passes[name] / spent)
    found = {name: median(values) for name, values in speeds.items()}
    return Speeds(images_per_second=found, measured_on=describe_device(place))


def _batch(bundle: Bundle, device: torch.device) -> torch.Tensor:
    """Noise, uint8 [B, C, H, W]."""
    contract = bundle.preprocess
    size = min(BATCH_SIZE, images_at_once(contract.height, contract.width, device))
    shape = (size, contract.channels, contract.height, contract.width)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return torch.from_numpy(pixels).to(device)


def _seconds(bundle: Bundle, pixels: torch.Tensor, *, passes: int) -> float:
    """Time of some batches; `predict` waits for the device when it brings the outputs back."""
    batches = (  # one in memory at a time
        Batch(
            images=bundle.preprocess.normalise(pixels),
            targets=torch.full((len(pixels),), -1),
            indices=np.arange(len(pixels)),
        )
        for _ in range(passes)
    )
    began = time.perf_counter()
    predict(bundle.answering, batches)
    return time.perf_counter() - began
