"""Pretrained weights: found by name, file or folder, and put into a network strictly."""

from __future__ import annotations

from nunbit.models.pretrained.find import find_weights, known_weights, weights_for
from nunbit.models.pretrained.install import transfer
from nunbit.models.pretrained.weights import Weights, WeightsInput

__all__ = ["Weights", "WeightsInput", "find_weights", "known_weights", "transfer", "weights_for"]
