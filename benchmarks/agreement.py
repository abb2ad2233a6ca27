"""How far advice agrees with the truth, beyond the noise of the truth itself.

A truth is what every plan reached on test images that the adviser never saw, for one seed or
several: of some hundred images, and of trainings that chance has a part in. So a pair of plans
counts as decided only where their true difference is clear of its own standard error.

S seeds, n test images.
"""

from __future__ import annotations

import csv
import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from nunbit.advisor.plans import SCRATCH, Z95, Advice, verdict

Answers = Mapping[str, bool]
"""Whether each test image, by its path, was recognised."""


@dataclass(frozen=True, kw_only=True)
class Seed:
    """One seed of a data set: the advice, and each plan trained."""

    advice: Advice
    answers: Mapping[str, Answers]
    """By plan."""
    summaries: Mapping[str, Mapping[str, Any]]
    """summary.json, by plan."""


def answers_of(predictions: Path) -> dict[str, bool]:
    """From a run's predictions.csv."""
    with predictions.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return {row["path"]: row["label"] == row["predicted"] for row in csv.DictReader(file)}


def difference(seeds: Sequence[Seed], one: str, two: str) -> tuple[float, float]:
    """Accuracy of one plan less that of another, over all seeds that have both, and its error.

    The standard error of paired answers clustered by image and by seed (Cameron, Gelbach and Miller
    2011, "Robust inference with multiway clustering"): the same images come again with every seed,
    and all images of a seed share one training. Of one seed alone, it lacks what chance has done in
    the trainings.
    """
    rows = [
        (number, path, float(seed.answers[one][path]) - float(seed.answers[two][path]))
        for number, seed in enumerate(seeds)
        if one in seed.answers and two in seed.answers
        for path in seed.answers[one]
    ]
    values = np.array([value for _, _, value in rows])
    mean, total = float(values.mean()), len(values)
    rest = values - mean
    by_image, by_seed = (
        _sum_of_squares([row[key] for row in rows], rest) / total**2 for key in (1, 0)
    )
    used = len({number for number, _, _ in rows})
    if used == 1:
        return mean, math.sqrt(by_image)
    by_seed *= used / (used - 1)
    both = float((rest**2).sum()) / total**2
    return mean, math.sqrt(max(by_image, by_seed, by_image + by_seed - both))


def _sum_of_squares(keys: Sequence[object], rest: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Of the sums of each cluster."""
    sums: dict[object, float] = {}
    for key, value in zip(keys, rest.tolist(), strict=True):
        sums[key] = sums.get(key, 0.0) + value
    return sum(value**2 for value in sums.values())


def judged(name: str, seeds: Sequence[Seed]) -> dict[str, Any]:
    """A data set: expectations of every seed beside the truth of all of them."""
    plans = list(dict.fromkeys(plan for seed in seeds for plan in seed.answers))
    truth = {plan: _accuracy(seeds, plan) for plan in plans}
    transfers = [plan for plan in plans if plan != SCRATCH]
    best = max(transfers, key=lambda plan: truth[plan])
    decided = [_pair(seeds, *pair) for pair in itertools.combinations(plans, 2)]
    each = [_judged_seed(seed, truth, decided) for seed in seeds]
    return {
        "name": name,
        "training_images": each[0]["training_images"],
        "test_images": len({path for seed in seeds for path in next(iter(seed.answers.values()))}),
        "truth": truth,
        "best": best,
        "pairs": [pair for pair in decided if pair["decided"]],
        "seeds": each,
        "rank_correlation": _mean([row["rank_correlation"] for row in each]),
        "pairs_in_order": [sum(row["pairs_in_order"][i] for row in each) for i in (0, 1)],
        "regret": _regret(seeds, best, [row["recommended"] for row in each]),
        "table_regret": _regret(seeds, best, [row["table"] for row in each]),
        "head_regret": _regret(seeds, best, ["head"] * len(each)),
    }


def _accuracy(seeds: Sequence[Seed], plan: str) -> float:
    return float(
        np.mean([right for s in seeds if plan in s.answers for right in s.answers[plan].values()])
    )


def _pair(seeds: Sequence[Seed], one: str, two: str) -> dict[str, Any]:
    common = [seed for seed in seeds if one in seed.answers and two in seed.answers]
    if not common:
        return {"plans": [one, two], "decided": False}
    mean, error = difference(common, one, two)
    return {
        "plans": [one, two],
        "points": 100 * mean,
        "error": 100 * error,
        "decided": abs(mean) > Z95 * error,
    }


def _judged_seed(
    seed: Seed, truth: Mapping[str, float], pairs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    expected = {plan.plan: plan for plan in seed.advice.plans}
    first = next(iter(seed.summaries.values()))
    ordered = [
        pair["points"] * (estimate[0] - estimate[1]) > 0
        for pair in pairs
        if pair["decided"] and set(pair["plans"]) <= set(expected)
        if (estimate := [expected[plan].accuracy.estimate for plan in pair["plans"]])
    ]
    return {
        "training_images": first["n"]["train"],
        "recommended": seed.advice.recommended,
        "table": seed.advice.table_plan,
        "rank_correlation": correlation(
            [plan.accuracy.estimate for plan in expected.values()],
            [truth[plan] for plan in expected],
        ),
        "pairs_in_order": [sum(ordered), len(ordered)],
        "advice_seconds": seed.advice.seconds,
        "plans": [
            {
                "plan": name,
                "expected": plan.accuracy.estimate,
                "expected_ci95": [plan.accuracy.low, plan.accuracy.high],
                "expected_seconds": plan.seconds,
                "accuracy": seed.summaries[name]["test"]["accuracy"],
                "seconds": seed.summaries[name]["seconds"]["train"],
                "verdict": verdict(
                    plan.accuracy, tuple(seed.summaries[name]["test"]["accuracy_ci95"])
                ),
            }
            for name, plan in expected.items()
        ],
    }


def _regret(seeds: Sequence[Seed], best: str, chosen: Sequence[str]) -> dict[str, float]:
    """Points below the best plan, averaged over seeds, and the standard error of that."""
    found = [(0.0, 0.0) if plan == best else difference(seeds, best, plan) for plan in chosen]
    # What the seeds chose is held against the same truths, so their errors do not average out.
    return {
        "points": 100 * statistics.mean(points for points, _ in found),
        "error": 100 * statistics.mean(error for _, error in found),
    }


def correlation(expected: Sequence[float], truth: Sequence[float]) -> float | None:
    """Spearman's; None where all are equal."""
    if len(set(expected)) < 2 or len(set(truth)) < 2:
        return None
    return float(spearmanr(expected, truth).statistic)


def overall(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over data sets, each with one weight; regrets with their standard errors."""
    right, pairs = (sum(row["pairs_in_order"][i] for row in found) for i in (0, 1))
    regrets = {
        name: {
            "points": statistics.mean(row[name]["points"] for row in found),
            "error": math.hypot(*(row[name]["error"] for row in found)) / len(found),
        }
        for name in ("regret", "table_regret", "head_regret")
    }
    return {
        "rank_correlation": _mean([row["rank_correlation"] for row in found]),
        "pairs_in_order": [right, pairs],
        "decided_correlation": (2 * right - pairs) / pairs if pairs else None,
        **regrets,
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None
