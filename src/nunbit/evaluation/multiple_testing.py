"""Tests that are made together, so that one of many does not pass by chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """P-values [S] corrected so that any false alarm among them is as improbable as one alone.

    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    tried = np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * tried), 1.0)
    return corrected
