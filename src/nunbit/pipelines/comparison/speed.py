"""Speed of models in images a second, measured side by side on this machine.

B images in a batch, C channels, H height, W width.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from statistics import median

import numpy as np
import torch

from nunbit.bundle import Bundle
from nunbit.data.batches import inference_batch_size
from nunbit.deployed import Deployed, predict_canvases
from nunbit.device import describe_device, resolve_device
from nunbit.predictor import BATCH_SIZE
from nunbit.seeds import Purpose, rng_for
from nunbit.types import CanvasBatch

ROUNDS = 3
SECONDS = 0.1
"""Time of one model in one round, at least one batch."""


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """Images a second of some models, by name."""

    images_per_second: Mapping[str, float]
    measured_on: str
    """Machine, in words."""


def measure_speeds(bundles: Mapping[str, Bundle], *, device: str = "auto") -> Speeds:
    """The median over rounds in which the models take turns, so that all meet the same load.

    Measured is what prediction does with decoded images: normalising, the network, and bringing
    its outputs back. Decoding files comes on top and is the same for networks of one input size.
    Pixels are noise, for they change nothing.
    """
    place = resolve_device(device)
    models = {name: Deployed.of(bundle, device=place) for name, bundle in bundles.items()}
    batches = {name: _batch(deployed) for name, deployed in models.items()}
    for name, deployed in models.items():
        _seconds(deployed, batches[name], passes=1)  # the first pass also makes plans and caches
    passes = {
        name: max(1, round(SECONDS / _seconds(deployed, batches[name], passes=1)))
        for name, deployed in models.items()
    }
    speeds: dict[str, list[float]] = {name: [] for name in bundles}
    for _ in range(ROUNDS):
        for name, deployed in models.items():
            spent = _seconds(deployed, batches[name], passes=passes[name])
            speeds[name].append(len(batches[name].indices) * passes[name] / spent)
    found = {name: median(values) for name, values in speeds.items()}
    return Speeds(images_per_second=found, measured_on=describe_device(place))


def _batch(deployed: Deployed) -> CanvasBatch:
    """Noise."""
    channels, height, width = deployed.preprocess.shape
    size = min(BATCH_SIZE, inference_batch_size(height, width, deployed.device))
    shape = (size, height, width, channels)
    pixels = rng_for(0, Purpose.NOISE).integers(0, 256, shape, dtype=np.uint8)
    return CanvasBatch(
        canvases=torch.from_numpy(pixels).to(deployed.device),
        targets=torch.full((size,), -1),
        indices=np.arange(size),
    )


def _seconds(deployed: Deployed, batch: CanvasBatch, *, passes: int) -> float:
    """Time of some batches; a prediction waits for the device when it brings the outputs back."""
    began = time.perf_counter()
    predict_canvases(deployed, repeat(batch, passes))
    return time.perf_counter() - began
