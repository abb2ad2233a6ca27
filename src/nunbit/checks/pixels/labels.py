"""Images that look mislabelled, as a finding with proposals; see `measurements.suspicions`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.examples import EXAMPLES, alone
from nunbit.checks.finding import Finding
from nunbit.checks.measurements.embedding import Features
from nunbit.checks.measurements.suspicions import suspected_labels
from nunbit.checks.pixels.near_copies import copies_together
from nunbit.data.corrections import Correction
from nunbit.data.near_duplicates import HashObserver
from nunbit.formatting import percentage
from nunbit.types import Samples

_WHY = (
    "A simple classifier that was fitted to the other images is sure of another class. It errs "
    "where classes look alike: these are suspicions, not verdicts."
)
_REMEDY = (
    "Look at them, the most suspicious first. The fix list proposes the likely class where there "
    "is one, else to leave the image out; delete the lines whose labels are right. For a given "
    "test part it proposes nothing: no classifier should choose its own test."
)


class SuspectedLabels(Check):
    """Labels that contradict what the other images teach."""

    name = "labels"
    needs = "embedding"

    def observers(self, context: Context) -> tuple[HashObserver, ...]:
        """See `Check.observers`."""
        del context
        return (HashObserver(),)

    def run(self, context: Context) -> Iterable[Finding]:
        """See `label_findings`."""
        copies = copies_together(context.samples, context.near_duplicates)
        return label_findings(context.samples, context.features, groups=copies)


def label_findings(
    samples: Samples, features: Features, *, groups: NDArray[np.int64] | None = None, seed: int = 0
) -> tuple[Finding, ...]:
    """A warning about the labels that are suspected, the most suspicious first.

    Args:
        samples: everything that was found.
        features: of the images that can be used.
        groups: int64 [N], equal for copies, as `copies_together` of
            `nunbit.checks.pixels.near_copies` makes them.
        seed: of the folds.
    """
    labels = samples.labels[features.rows]
    suspicions = suspected_labels(
        features.values,
        labels,
        classes=len(samples.classes),
        groups=None if groups is None else groups[features.rows],
        seed=seed,
    )
    if suspicions.not_judged:
        return (_not_judged(len(features), suspicions.not_judged),)
    if not len(suspicions):
        return ()
    rows = features.rows[suspicions.rows]
    paths = tuple(samples.paths[row] for row in rows)
    described = [
        _description(samples, int(row), int(proposed), float(confidence))
        for row, proposed, confidence in zip(
            rows, suspicions.proposed, suspicions.confidence, strict=True
        )
    ]
    count = len(rows)
    return (
        Finding(
            kind="suspected-labels",
            severity="warning",
            title=f"{count:,} {'label looks' if count == 1 else 'labels look'} wrong "
            f"({percentage(count / len(features), 2)} of the images)",
            count=count,
            examples=tuple(f"{path}: {line}" for path, line in zip(paths, described, strict=True))[
                :EXAMPLES
            ],
            everything=paths,
            groups=alone(rows),
            captions=tuple(described),
            why=_WHY,
            remedy=_REMEDY,
            corrections=tuple(
                _correction(samples, int(row), int(proposed), reason)
                for row, proposed, reason in zip(rows, suspicions.proposed, described, strict=True)
                if samples.parts[row] != "test"
            ),
        ),
    )


def _not_judged(images: int, reason: str) -> Finding:
    return Finding(
        kind="labels-not-judged",
        severity="note",
        title=f"Whether labels are wrong cannot be judged: {reason}",
        count=images,
        why="Such a judgement needs a simple classifier that is right about most images. This one "
        "is not, because the features do not show what tells the classes apart, or because very "
        "many labels are wrong.",
        remedy="For photographs, let a pretrained network look at them: --backbone. Look at some "
        "images of each class on the page.",
    )


def _description(samples: Samples, row: int, proposed: int, confidence: float) -> str:
    rather = f"rather {samples.classes[proposed]}" if proposed >= 0 else "but unclear what"
    # Never 100 %: nothing was proved.
    sure = percentage(min(confidence, 0.999))
    return f"{sure} not {samples.label_name(row)}, {rather}"


def _correction(samples: Samples, row: int, proposed: int, reason: str) -> Correction:
    if proposed < 0:
        return Correction(
            path=samples.paths[row],
            action="exclude",
            label=samples.label_name(row),
            reason=f"looks mislabelled: {reason}",
        )
    return Correction(
        path=samples.paths[row],
        action="relabel",
        label=samples.label_name(row),
        new_label=samples.classes[proposed],
        reason=f"looks mislabelled: {reason}",
    )
