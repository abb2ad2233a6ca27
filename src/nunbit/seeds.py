"""One seed drives everything: each use draws from a stream of its own.

A stream's seed is a hash of the run's seed, the purpose and the position (epoch, batch), so that
any moment of a run can be repeated without replaying what came before it. The hash is NumPy's
`SeedSequence` (O'Neill's seed_seq_fe), made for deriving independent streams.

No other module makes a generator from a seed: a test sees to that.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


class Purpose(IntEnum):
    """Purpose of random numbers; its value keeps old runs reproducible."""

    ORDER = 1
    """Order of the training images, epoch by epoch."""
    AUGMENTATION = 2
    DROPOUT = 3
    WEIGHTS = 4
    SPLIT = 5
    """Parts of the images; see `rng_for`."""
    BASELINE = 6
    """Images that a baseline of the report compares."""
    SAMPLE = 7
    """Images that are shown or measured in place of all."""
    FOLDS = 8
    """Cross-validation, and trees and clusters fitted in passing."""
    BOOTSTRAP = 9
    """Resampling for intervals."""
    PROJECTION = 10
    """The map of the test images."""
    EXPLANATION = 11
    """Random orders and weights that explanations are checked against."""
    NOISE = 12
    """Pictures of noise that a network is tried on."""


def rng_for(seed: int, purpose: Purpose, *position: int) -> np.random.Generator:
    """NumPy's generator for one purpose at one position of a run.

    Splits are older than purposes: they draw from the bare seed, and the split of a seed stays.
    """
    if purpose is Purpose.SPLIT:
        return np.random.default_rng(seed)
    return np.random.default_rng(derive_seed(seed, purpose, *position))


def torch_rng_for(seed: int, purpose: Purpose, *position: int) -> torch.Generator:
    """Torch's generator on the CPU, likewise."""
    return torch_rng(derive_seed(seed, purpose, *position))


def torch_rng(derived: int) -> torch.Generator:
    """Torch's generator on the CPU for a seed that `derive_seed` gave, or a caller of the API."""
    import torch

    return torch.Generator().manual_seed(derived)


def sklearn_seed(seed: int, purpose: Purpose, *position: int) -> int:
    """Seed for scikit-learn's `random_state`: likewise, in 0 … 2³² − 1."""
    return derive_seed(seed, purpose, *position) % 2**32


def derive_seed(seed: int, purpose: Purpose, *position: int) -> int:
    """A seed in 0 … 2⁶³ − 1 for one purpose at one position of a run."""
    sequence = np.random.SeedSequence([seed, int(purpose), *position])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
