"""Section on classes: number of images, and samples as the network sees them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from nunbit.checks.diagnosis import Diagnosis
from nunbit.reports.check.cards import Card, cards
from nunbit.reports.kit import Section, render

PARTS = {"train": "Training", "validation": "Validation", "test": "Test", "excluded": "Excluded"}
MAX_PER_CLASS = 12
MAX_PICTURES = 480
"""Pictures of all contact sheets together; with more classes, the first so many are shown."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Pictures of one class."""

    name: str
    images: int
    cards: list[Card]


def counts(diagnosis: Diagnosis) -> Section:
    """Images of each class in each part, as a training would divide them."""
    classes, split = diagnosis.samples.classes, diagnosis.split
    found = Counter(zip(split.labels, split.parts, strict=True))
    rows = [(name, [found[name, part] for part in PARTS]) for name in classes]
    unlabelled = len(split) - sum(sum(numbers) for _, numbers in rows)
    if unlabelled:
        rows.append(("no label", [0, 0, 0, unlabelled]))
    body = render(
        "check/counts",
        titles=list(PARTS.values()),
        rows=rows,
        most=max(sum(numbers[:3]) for _, numbers in rows),
        totals=[split.counts[part] for part in split.counts],
        given=bool(set(diagnosis.samples.parts) - {""}),
    )
    return Section(name="classes", title="Classes", body=body)


def contact_sheets(diagnosis: Diagnosis) -> Section | None:
    """Evenly spaced images of each class, as the network will see them."""
    if diagnosis.usable == 0:
        return None
    usable = np.array([not reason for reason in diagnosis.split.reasons], dtype=np.bool_)
    classes = diagnosis.samples.classes[:MAX_PICTURES]
    each = max(1, min(MAX_PER_CLASS, MAX_PICTURES // len(classes)))
    chosen: list[list[int]] = []
    images: list[int] = []
    for label in range(len(classes)):
        rows = np.flatnonzero((diagnosis.samples.labels == label) & usable)
        images.append(len(rows))
        at = np.linspace(0, len(rows) - 1, min(each, len(rows))).round().astype(np.int64)
        chosen.append(rows[at].tolist())
    made = iter(cards(diagnosis, [row for rows in chosen for row in rows]))
    sheets = [
        Sheet(name=name, images=count, cards=[next(made) for _ in rows])
        for name, count, rows in zip(classes, images, chosen, strict=True)
    ]
    body = render(
        "check/contact_sheets",
        sheets=sheets,
        each=each,
        height=diagnosis.preprocess.height,
        width=diagnosis.preprocess.width,
        left_out=len(diagnosis.samples.classes) - len(classes),
    )
    return Section(name="pictures", title="What the network will see", body=body)
