"""A small network that was trained, in a second or two, on images whose evidence is known."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import evidence
from evidence import Evidence, mass_inside

__all__ = ["Evidence", "mass_inside", "trained_network", "unseen"]


@cache
def trained_network() -> nn.Module:
    """Three convolutions with in-place ReLUs, in evaluation mode. Nobody may change it."""
    model = evidence.small_network(seed=0)
    evidence.fit(model, evidence.draw(600, seed=0), epochs=4, seed=0)
    assert evidence.accuracy(model, evidence.draw(300, seed=50)) > 0.95
    return model


@cache
def unseen(count: int) -> Evidence:
    """So many images that were not in the training."""
    return evidence.draw(count, seed=100)
