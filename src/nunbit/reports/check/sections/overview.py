"""Overview of the findings: one sentence and one list."""

from __future__ import annotations

from nunbit.checks.diagnosis import Diagnosis
from nunbit.formatting import count
from nunbit.reports.kit import Section, render


def overview(diagnosis: Diagnosis) -> Section:
    """The headline, the numbers of images, and every finding by its title."""
    exclusions = sum(c.action == "exclude" for c in diagnosis.corrections)
    body = render(
        "check/overview",
        headline=headline(diagnosis),
        found=len(diagnosis.samples),
        usable=diagnosis.usable,
        classes=len(diagnosis.samples.classes),
        parts=diagnosis.split.counts,
        exclusions=exclusions,
        relabels=len(diagnosis.corrections) - exclusions,
        findings=diagnosis.findings,
    )
    return Section(name="result", title="Result", body=body)


def headline(diagnosis: Diagnosis) -> str:
    """'1 error, 3 warnings and 6 notes about 70,000 images'."""
    images = count(len(diagnosis.samples), "image or file", "images and files")
    counts = {word: diagnosis.count(word) for word in ("error", "warning", "note")}
    words = [count(number, word) for word, number in counts.items() if number]
    if not words:
        return f"Nothing found that would spoil a training: {images}"
    listed = " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return f"{listed} about {images}"
