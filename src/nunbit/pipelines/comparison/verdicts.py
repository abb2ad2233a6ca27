"""Verdict on two runs, or two configurations, in one plain sentence."""

from __future__ import annotations

from nunbit.evaluation.comparison.paired import (
    SIGNIFICANCE,
    Difference,
    Pair,
    better_of,
    images_needed,
    smallest_noticed,
)
from nunbit.evaluation.comparison.seed_variance import SeedDifference, Spread
from nunbit.formatting import count, percent, points, points_with_range

MAX_IMAGES = 10_000_000
"""A number of test images beyond this is not named: nobody has them."""


def pair_verdict(
    first: str, second: str, pair: Pair, *, p_adjusted: float, comparisons: int
) -> str:
    """'B is better than A: 1.2 points (0.4 to 2.0) ...', or why no difference is clear."""
    better = better_of(pair.accuracy, p_adjusted)
    if better:
        winner, loser = (second, first) if better == "second" else (first, second)
        gain = pair.accuracy if better == "second" else _turned(pair.accuracy)
        return f"{winner} is better than {loser}: {_points(gain)} more right"
    counts = (pair.only_first, pair.only_second, pair.n)
    lead = f"No clear difference between {first} and {second}"
    corrected = _corrected(pair.p_value, comparisons)
    needed = images_needed(*counts)
    if needed is None:
        right = count(pair.both + pair.only_first)
        return (
            f"{lead}: both get {right} of {count(pair.n)} right; with so many test images, a "
            f"difference of about {points(smallest_noticed(*counts))} would be noticed"
        )
    observed = f"{lead}{corrected}: {second} gets {_more_or_less(pair.accuracy)} right"
    if corrected or needed <= pair.n:
        return observed
    images = "more than ten million" if needed > MAX_IMAGES else f"about {count(_round(needed))}"
    return f"{observed}; to tell a difference of this size, {images} test images would be needed"


def seed_verdict(
    first: str, second: str, found: SeedDifference, *, p_adjusted: float, comparisons: int
) -> str:
    """The same for two configurations over their seeds."""
    difference = found.difference
    better = better_of(difference, p_adjusted)
    if better:
        winner, loser = (second, first) if better == "second" else (first, second)
        gain = difference if better == "second" else _turned(difference)
        return f"{winner} is better than {loser} over the seeds: {_points(gain)} more right"
    return (
        f"No clear difference between {first} and {second} over the seeds"
        f"{_corrected(found.p_value, comparisons)}: on average {second} gets "
        f"{_more_or_less(difference)} right; more seeds would narrow this"
    )


def spread_sentence(name: str, accuracy: Spread) -> str:
    """'A over 3 seeds: 92.1 % on average (90.8 to 93.2), standard deviation 0.4 points'."""
    mean = f"{name} over {accuracy.n} seeds: {percent(accuracy.mean)} on average"
    if accuracy.ci95 is None or accuracy.sd is None:
        return mean
    low, high = accuracy.ci95
    return (
        f"{mean} (95 %: {percent(low)} to {percent(high)}), standard deviation "
        f"{points(accuracy.sd)}"
    )


def _more_or_less(difference: Difference) -> str:
    """'0.3 points (-0.6 to 1.2) more', or less where the number is below zero."""
    if difference.value < 0:
        return f"{_points(_turned(difference))} less"
    return f"{_points(difference)} more"


def _points(difference: Difference) -> str:
    return points_with_range(difference.value, difference.ci95)


def _turned(difference: Difference) -> Difference:
    low, high = difference.ci95
    return Difference(value=-difference.value, ci95=(-high, -low))


def _corrected(p_value: float, comparisons: int) -> str:
    """Words where one comparison alone would have been detectable, but not among several."""
    if p_value < SIGNIFICANCE and comparisons > 1:
        return f", for {comparisons} comparisons were made"
    return ""


def _round(number: int) -> int:
    """Round up to two significant digits: a plan, not a measurement."""
    unit: int = 10 ** max(len(str(number)) - 2, 0)
    return -(-number // unit) * unit
