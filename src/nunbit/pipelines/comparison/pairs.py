"""Runs on the same images, two by two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nunbit.evaluation.comparison.paired import better_of, compare_answers
from nunbit.evaluation.comparison.values import Answered, PairRow
from nunbit.evaluation.multiple_testing import holm
from nunbit.pipelines.comparison.verdicts import pair_verdict
from nunbit.pipelines.recorded_run import RecordedRun

SEED = 0
"""Seed of the intervals' resampling: the same runs always give the same numbers."""


def compare_pairs(pairs: Sequence[tuple[RecordedRun, RecordedRun]]) -> tuple[PairRow, ...]:
    """The numbers of each pair, its p value corrected for all pairs, and its verdict."""
    found = [compare_answers(one.answers, two.answers, seed=SEED) for one, two in pairs]
    adjusted = holm([pair.p_value for pair in found]).tolist()
    rows = []
    for (one, two), pair, p_adjusted in zip(pairs, found, adjusted, strict=True):
        rows.append(
            PairRow(
                first=one.name,
                second=two.name,
                pair=pair,
                p_adjusted=p_adjusted,
                better=better_of(pair.accuracy, p_adjusted),
                verdict=pair_verdict(
                    one.name, two.name, pair, p_adjusted=p_adjusted, comparisons=len(pairs)
                ),
                only_first=_only_right(one, two, one),
                only_second=_only_right(one, two, two),
            )
        )
    return tuple(rows)


def _only_right(one: RecordedRun, two: RecordedRun, winner: RecordedRun) -> tuple[Answered, ...]:
    """Images that only `winner` gets right; where it gives the true class most more, first."""
    loser = two if winner is one else one
    rows = np.flatnonzero(winner.answers.right & ~loser.answers.right)
    gain = winner.true_probability[rows] - loser.true_probability[rows]
    return tuple(
        Answered(
            path=one.paths[row],
            label=one.classes[one.answers.labels[row]],
            first=one.classes[one.answers.predicted[row]],
            first_confidence=float(one.confidence[row]),
            second=two.classes[two.answers.predicted[row]],
            second_confidence=float(two.confidence[row]),
        )
        for row in rows[np.argsort(-gain, kind="stable")]
    )
