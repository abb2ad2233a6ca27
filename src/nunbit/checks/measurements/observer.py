"""One pass over the pixels for everything that wants to see them.

B images in a batch, H height, W width, C channels.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Observer(Protocol):
    """Something that looks at every usable image once; its result is read afterwards."""

    def observe(self, rows: NDArray[np.int64], canvases: NDArray[np.uint8]) -> None:
        """Look at a batch: int64 [B] row numbers in the `Samples`, and uint8 [B, H, W, C].

        Called with every usable row once, in ascending order, under the run's input contract and
        before any normalisation. The array must not be kept or changed.
        """
        ...
