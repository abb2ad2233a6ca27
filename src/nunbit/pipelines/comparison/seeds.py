"""Configurations with several seeds each, over these."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nunbit.evaluation.comparison.paired import better_of
from nunbit.evaluation.comparison.seed_variance import (
    SeedDifference,
    difference_on_other_images,
    difference_on_same_images,
    difference_seed_by_seed,
)
from nunbit.evaluation.comparison.values import SeedRow
from nunbit.evaluation.multiple_testing import holm
from nunbit.pipelines.comparison.configurations import Configuration
from nunbit.pipelines.comparison.same_images import other_test_images
from nunbit.pipelines.comparison.verdicts import seed_verdict
from nunbit.pipelines.recorded_run import RecordedRun


def compare_over_seeds(
    configurations: Sequence[Configuration], *, same_images: bool
) -> tuple[SeedRow, ...]:
    """The first configuration against each other one, where both have several seeds."""
    first, *others = configurations
    compared = [c for c in others if c.has_spread and first.has_spread]
    found = [_difference(first, other, same_images=same_images) for other in compared]
    adjusted = holm([difference.p_value for difference in found]).tolist()
    return tuple(
        SeedRow(
            first=first.name,
            second=other.name,
            found=difference,
            p_adjusted=p_adjusted,
            better=better_of(difference.difference, p_adjusted),
            verdict=seed_verdict(
                first.name,
                other.name,
                difference,
                p_adjusted=p_adjusted,
                comparisons=len(compared),
            ),
        )
        for other, difference, p_adjusted in zip(compared, found, adjusted, strict=True)
    )


def overlap_of(configuration: Configuration) -> float:
    """Test images over those that the network was trained and chosen with, of the first run."""
    counts = configuration.runs[0].split.counts
    return counts["test"] / max(counts["train"] + counts["validation"], 1)


def matched_by_seed(
    first: Sequence[RecordedRun], second: Sequence[RecordedRun]
) -> list[tuple[RecordedRun, RecordedRun]] | None:
    """Pairs with one seed and its test images; None where a run stays without a partner."""
    partner = {run.seed: run for run in second}
    if {run.seed for run in first} != set(partner):
        return None
    pairs = [(run, partner[run.seed]) for run in first]
    return None if any(other_test_images(a, b) for a, b in pairs) else pairs


def _difference(
    first: Configuration, second: Configuration, *, same_images: bool
) -> SeedDifference:
    if same_images:
        return difference_on_same_images(_right(first.runs), _right(second.runs))
    overlap = max(overlap_of(first), overlap_of(second))
    matched = matched_by_seed(first.runs, second.runs)
    if matched is None:
        return difference_on_other_images(
            _accuracies(first.runs),
            _accuracies(second.runs),
            images=min(len(run.answers) for c in (first, second) for run in c.runs),
            overlap=overlap,
        )
    disagreement = [np.mean(a.answers.right != b.answers.right) for a, b in matched]
    return difference_seed_by_seed(
        _accuracies([one for one, _ in matched]),
        _accuracies([two for _, two in matched]),
        disagreement=float(np.mean(disagreement)),
        images=min(len(one.answers) for one, _ in matched),
        overlap=overlap,
    )


def _right(runs: Sequence[RecordedRun]) -> NDArray[np.bool_]:
    """Images that each run gets right, [J, N]."""
    return np.stack([run.answers.right for run in runs])


def _accuracies(runs: Sequence[RecordedRun]) -> list[float]:
    return [float(run.answers.right.mean()) for run in runs]
