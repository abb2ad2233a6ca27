"""What can be said of two runs, or of two configurations, in one plain sentence."""

from __future__ import annotations

from collections.abc import Sequence

from nunbit.evaluation.comparison.paired import (
    SIGNIFICANCE,
    Difference,
    Pair,
    images_needed,
    smallest_noticed,
)
from nunbit.evaluation.comparison.seed_variance import SeedDifference, Spread
from nunbit.evaluation.comparison.values import Better
from nunbit.formatting import count, percent

MINUS = "\N{MINUS SIGN}"
MOST_IMAGES = 10_000_000
"""A number of test images beyond this is not named: nobody has them."""


def better_of(difference: Difference, p_adjusted: float) -> Better:
    """Which is better: only where the corrected test and the interval say so, both."""
    if p_adjusted >= SIGNIFICANCE or not difference.excludes_zero:
        return ""
    return "second" if difference.value > 0 else "first"


def pair_verdict(
    first: str, second: str, pair: Pair, *, p_adjusted: float, comparisons: int
) -> str:
    """'B is better than A: 1.2 points (0.4 to 2.0) ...', or why no difference can be told."""
    better = better_of(pair.accuracy, p_adjusted)
    if better:
        winner, loser = (second, first) if better == "second" else (first, second)
        gain = pair.accuracy if better == "second" else _turned(pair.accuracy)
        return f"{winner} is better than {loser}: {points_with_range(gain)} more right"
    counts = (pair.only_first, pair.only_second, pair.n)
    lead = f"No difference can be told between {first} and {second}"
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
    images = "more than ten million" if needed > MOST_IMAGES else f"about {count(_round(needed))}"
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
        return (
            f"{winner} is better than {loser} over the seeds: {points_with_range(gain)} more right"
        )
    return (
        f"No difference can be told between {first} and {second} over the seeds"
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


def points(share: float) -> str:
    """0.012 as '1.2 points': percentage points, with a true minus sign."""
    number = _number(share)
    return f"{number} {'point' if number == '1.0' else 'points'}"


def points_with_range(difference: Difference) -> str:
    """'1.2 points (0.4 to 2.0)'."""
    low, high = (_number(bound) for bound in difference.ci95)
    return f"{points(difference.value)} ({low} to {high})"


def signed_with_range(difference: Difference) -> str:
    """'+0.0120 (0.0041 to 0.0203)', of a number that is no share."""
    value, low, high = (
        f"{number:.4f}".replace("-", MINUS) for number in (difference.value, *difference.ci95)
    )
    return f"{'+' if difference.value > 0 else ''}{value} ({low} to {high})"


def p_words(p_value: float) -> str:
    """A p value as it is reported: three decimals, or '<0.001'."""
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def listed(names: Sequence[str]) -> str:
    """'a, b and c'."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _more_or_less(difference: Difference) -> str:
    """'0.3 points (-0.6 to 1.2) more', or less where the number is below zero."""
    if difference.value < 0:
        return f"{points_with_range(_turned(difference))} less"
    return f"{points_with_range(difference)} more"


def _turned(difference: Difference) -> Difference:
    low, high = difference.ci95
    return Difference(value=-difference.value, ci95=(-high, -low))


def _corrected(p_value: float, comparisons: int) -> str:
    """Words where one comparison alone would have been told, but not among several."""
    if p_value < SIGNIFICANCE and comparisons > 1:
        return f", for {comparisons} comparisons were made"
    return ""


def _number(share: float) -> str:
    size = abs(100 * share)
    text = f"{size:.1f}" if size >= 0.05 or size == 0 else f"{size:.2f}"
    return f"{MINUS}{text}" if share < 0 and float(text) else text


def _round(number: int) -> int:
    """To two significant digits, upwards: a plan, not a measurement."""
    unit: int = 10 ** max(len(str(number)) - 2, 0)
    return -(-number // unit) * unit
