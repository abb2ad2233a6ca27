"""One seed drives everything: each use draws from a stream of its own.

A stream's seed is a hash of the run's seed, the purpose and the position (epoch, batch), so that
any moment of a run can be repeated without replaying what came before it. The hash is NumPy's
`SeedSequence` (O'Neill's seed_seq_fe), made for deriving independent streams.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What random numbers are for; the numbers are part of the reproducibility of old runs."""

    ORDER = 1
    AUGMENTATION = 2
    DROPOUT = 3
    WEIGHTS = 4


def derive_seed(seed: int, purpose: Purpose, *position: int) -> int:
    """A seed in 0 … 2⁶³ − 1 for one purpose at one position of a run."""
    sequence = np.random.SeedSequence([seed, int(purpose), *position])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
