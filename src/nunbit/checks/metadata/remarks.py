"""Remarks: odd files that are used all the same, and notes of the source."""

from __future__ import annotations

from collections.abc import Iterator

from nunbit.checks.check import Check
from nunbit.checks.context import Context
from nunbit.checks.finding import Finding


class Remarks(Check):
    """Notes that reading the data left."""

    name = "remarks"
    needs = "metadata"

    def run(self, context: Context) -> Iterator[Finding]:
        """One warning or note for each remark."""
        for text in context.samples.warnings:
            yield Finding(kind="source-warning", severity="warning", title=text, count=0)
        remarks = {"odd-files": context.inspection.remarks, "source-remark": context.samples.notes}
        for kind, texts in remarks.items():
            for text in texts:
                yield Finding(kind=kind, severity="note", title=text, count=0)
