"""Verdict of the checks of a map, in plain words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nunbit.explain.deletion_insertion import Curves

IMPROBABLE = 0.05
"""Probability below which little can be taken from an answer."""


def verdict(
    curves: Curves, similarity: float, *, empty: bool, depends: bool, beats_random: bool
) -> str:
    """One to three sentences; `similarity` is the rank correlation with maps of random networks."""
    if empty:
        return (
            "The map is empty: the method finds nothing in the image that speaks for this class, "
            "so that there is nothing to trust."
        )
    sentences = []
    if not depends:
        sentences.append(
            "Do not trust this map: with all weights of the network randomized, much the same map "
            f"comes out (rank correlation {similarity:.2f}), so that it shows the image and not "
            "what the network learned."
        )
    if beats_random:
        start = "Its pixels do matter" if sentences else "The map points to pixels that matter"
        sentences.append(f"{start}: {_how(curves, better=True)}.")
    else:
        start = "It is" if sentences else "Do not trust this map: it is"
        sentences.append(
            f"{start} not clearly better than a random order: {_how(curves, better=False)}."
        )
    if depends and beats_random:
        sentences.append(
            "It shows what the network learned: with all weights randomized, another map comes "
            f"out (rank correlation {similarity:.2f})."
        )
    if (probability := curves.deletion[0]) < IMPROBABLE:
        sentences.append(
            f"The network gives this class {_percent(probability)} only: there is little to take "
            "away."
        )
    return " ".join(sentences)


def crossing(curve: NDArray[np.float64], shares: NDArray[np.float64], level: float) -> float:
    """Share at which a curve [S] first rises to a level, between its points too; inf for never."""
    reached = np.flatnonzero(curve >= level)
    if len(reached) == 0:
        return float("inf")
    at = reached[0]
    if at == 0:
        return float(shares[0])
    low, high = curve[at - 1], curve[at]
    return float(shares[at - 1] + (shares[at] - shares[at - 1]) * (level - low) / (high - low))


def _how(curves: Curves, *, better: bool) -> str:
    """Describe when half of the answer goes or comes if that fits the verdict; else the areas."""
    orders = f"{len(curves.random_deletion)} random orders"
    half = curves.deletion[0] / 2
    for own, random, level, words in (
        (-curves.deletion, -curves.random_deletion, -half, "removing them first halves"),
        (curves.insertion, curves.random_insertion, half, "showing them first brings back half of"),
    ):
        at = crossing(own, curves.shares, level)
        others = np.asarray([crossing(row, curves.shares, level) for row in random])
        earlier = 0 < at < np.median(others)
        if np.isfinite(at) and at > 0 and earlier == better:
            return (
                f"{words} the probability after {_percent(at)} of the pixels, {orders} "
                f"after {_span(others)}"
            )
    areas = curves.random_areas
    return (
        f"between its curves of deletion and insertion lies an area of {curves.area:.2f}, of "
        f"{orders} {areas.min():.2f} to {areas.max():.2f}"
    )


def _span(shares: NDArray[np.float64]) -> str:
    """12 to 30 %; 12 % to never."""
    low, high = shares.min(), shares.max()
    if not np.isfinite(low):
        return "no number of them"
    if not np.isfinite(high):
        return f"{_percent(low)}, or never"
    return f"{100 * low:.0f} to {_percent(high)}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "less than 1 %"
