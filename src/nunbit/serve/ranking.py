"""Classes in the order of their probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nunbit.serve.engine import Row


def ranked(row: Row, classes: Sequence[str], top_k: int) -> list[tuple[str, float]]:
    """Names and probabilities of the `top_k` most probable classes (all, if fewer), best first."""
    best = np.argsort(-row, kind="stable")[:top_k]
    return [(classes[i], float(row[i])) for i in best]
