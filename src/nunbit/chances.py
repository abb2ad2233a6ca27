"""Exact chances of counts: the tails of the binomial and of the hypergeometric distribution.

With scipy.special alone: the import of scipy.stats would take half a second of every command.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtrc, gammaln


def at_least_of(successes: int, trials: int, chance: float) -> float:
    """Probability of at least so many successes in independent trials with one chance each."""
    return 1.0 if successes <= 0 else float(bdtrc(successes - 1, trials, chance))


def at_most_drawn(
    hits: ArrayLike, *, total: int, marked: ArrayLike, drawn: ArrayLike
) -> NDArray[np.float64]:
    """Probability of at most so many marked ones among those drawn from a total, one by one.

    `hits`, `marked` and `drawn` are whole numbers [n], or one for all. One tail of Fisher's exact
    test.
    """
    cases = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a)) for a in (hits, marked, drawn)))
    return np.array(
        [_lower_tail(int(h), total, int(m), int(d)) for h, m, d in zip(*cases, strict=True)]
    )


def at_least_drawn(
    hits: ArrayLike, *, total: int, marked: ArrayLike, drawn: ArrayLike
) -> NDArray[np.float64]:
    """As `at_most_drawn`, of at least so many."""
    # What is drawn and not marked: few of those are many of the others.
    others = np.asarray(drawn) - np.asarray(hits)
    return at_most_drawn(others, total=total, marked=total - np.asarray(marked), drawn=drawn)


def _lower_tail(hits: int, total: int, marked: int, drawn: int) -> float:
    fewest, most = max(0, drawn - (total - marked)), min(drawn, marked)
    if hits < fewest:
        return 0.0
    if hits >= most:
        return 1.0
    k = np.arange(fewest, hits + 1)
    logs = _log_choose(marked, k) + _log_choose(total - marked, drawn - k)
    # Summed from the smallest on, so that what is small beside the others counts.
    return float(min(1.0, np.sort(np.exp(logs - _log_choose(total, drawn))).sum()))


def _log_choose(n: int, k: int | NDArray[np.int64]) -> NDArray[np.float64]:
    """Log of n choose k."""
    return np.asarray(gammaln(n + 1) - gammaln(np.add(k, 1)) - gammaln(np.subtract(n, k) + 1))
