"""Whether a map can be trusted: does it depend on the model, and do its pixels matter?

B images in a batch, C channels, H height, W width, S steps, R random orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from nunbit.explain.attribution import Explainer, Maps


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Probability of the explained class while pixels are taken away, and while they come."""

    shares: NDArray[np.float64]
    """Of the pixels, [S], from 0 to 1."""
    deletion: NDArray[np.float64]
    """[S], the map's most important pixels first."""
    insertion: NDArray[np.float64]
    """[S], likewise."""
    random_deletion: NDArray[np.float64]
    """[R, S], one row for each random order."""
    random_insertion: NDArray[np.float64]
    """[R, S]."""
    gain: float
    """How much better than random orders: (area under insertion - area under deletion), less its
    mean over random orders."""
    gain_needed: float
    """What `gain` exceeds for one random order in forty only (one-sided t prediction limit)."""


@dataclass(frozen=True, kw_only=True)
class Checks:
    """What the two checks say of one map."""

    similarity: dict[str, float]
    """Rank correlation of the map with that of a copy whose layers were drawn anew from the output
    down to a depth: {"output layer": 0.91, ..., "all layers": 0.03}."""
    depends_on_model: bool
    """Adebayo et al. 2018: a map that stays when all weights are drawn anew shows the image."""
    curves: Curves
    beats_random: bool
    """Petsiuk et al. 2018: the map's pixels matter more than pixels at random."""
    trusted: bool
    """Both hold."""
    verdict: str
    """One or two plain sentences."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Curves of random orders, made once for an image and a class, for all methods."""


def random_reference(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    baseline: Tensor | None = None,
    temperature: float = 1.0,
    seed: int = 0,
) -> Reference:
    """What taking pixels away in random orders does to the probability of class targets[i]."""
    raise NotImplementedError


def check_attribution(
    explain: Explainer,
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    maps: Maps | None = None,
    reference: Reference | None = None,
    seed: int = 0,
) -> tuple[Checks, ...]:
    """Both checks for each image; arguments as `attribution.attribute` takes them.

    `maps` are those of `explain` on `model` where they were made already; `reference` is
    `random_reference` of the same images and targets, made here where it is not given. The model
    is not changed: what is drawn anew is a copy.
    """
    raise NotImplementedError
