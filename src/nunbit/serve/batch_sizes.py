"""Sizes of batches that leave every answer as it is, found by trying.

A kernel may add up in another order when it gets more rows, and then a picture's answer would
depend on who asks at the same moment. The order of additions does not depend on the values, so
that some hundred values that agree to the bit at every place of a batch show that it is the same.
K classes, H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nunbit.data.preprocess import Preprocess
from nunbit.predictor import Canvas
from nunbit.seeds import Purpose, rng_for

SIZES = (8, 4, 2)
"""Sizes of batches that are tried. Beyond eight a pass gains nothing on a CPU, and the first
picture waits for all."""
_TRIALS = 2

Outputs = Callable[[Sequence[Canvas]], NDArray[np.floating]]
"""Function from canvases, uint8 [H, W, C] each, to whatever the network gives for each, [n,
anything]."""


def exact_batch_sizes(outputs: Outputs, contract: Preprocess) -> tuple[int, ...]:
    """Sizes at which each row is equal, to the bit, to that of its canvas alone; 1 always is."""
    rng = rng_for(0, Purpose.NOISE)
    shape = (contract.height, contract.width, contract.channels)
    found = [1]
    for size in SIZES:
        trials = [[_noise(rng, shape) for _ in range(size)] for _ in range(_TRIALS)]
        if all(_is_exact(outputs, canvases) for canvases in trials):
            found.append(size)
    return tuple(sorted(found, reverse=True))


def _is_exact(outputs: Outputs, canvases: Sequence[Canvas]) -> bool:
    together = outputs(canvases)
    alone = np.concatenate([outputs([canvas]) for canvas in canvases])
    return bool(np.array_equal(together, alone))


def _noise(rng: np.random.Generator, shape: tuple[int, int, int]) -> Canvas:
    """Coarse noise, which a network answers less alike than fine noise."""
    height, width, channels = shape
    coarse = rng.integers(0, 256, (-(-height // 4), -(-width // 4), channels), dtype=np.uint8)
    return coarse.repeat(4, axis=0).repeat(4, axis=1)[:height, :width]
