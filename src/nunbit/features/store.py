"""Features kept on disk between runs, beside the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from nunbit.data.batches import Batches
from nunbit.features.cuts import Cut
from nunbit.features.extract import View
from nunbit.progress import SILENT, Progress


class FeatureStore:
    """Features by content: images, input contract, weights, cut and view; `disk_bytes` 0 keeps none.

    `disk_bytes` is the limit of the whole cache folder, decoded pixels included.
    """

    def __init__(
        self, folder: Path | None, *, disk_bytes: int, progress: Progress = SILENT
    ) -> None:
        raise NotImplementedError

    def features(
        self,
        model: nn.Module,
        cut: Cut,
        batches: Batches,
        *,
        sha256: Sequence[str],
        view: View = "centre",
        pooled: bool = True,
    ) -> NDArray[np.float32]:
        """Features of `batches.rows` in their order, float32 [n, C] or, not pooled, [n, *cut.shape].

        Found on disk or computed in one pass and kept. `sha256` [N] is that of the `Inspection`.
        What does not fit in memory comes as a read-only memory map.
        """
        raise NotImplementedError
