"""Section on the method: differences of the configurations, and how they were compared."""

from __future__ import annotations

from nunbit.reports.comparison.inputs import PageInput
from nunbit.reports.kit import Section, render


def settings(given: PageInput) -> Section | None:
    """The settings that differ; nothing where the runs have one configuration or do not say."""
    comparison = given.comparison
    if not comparison.settings:
        return None
    names = [row.name for row in comparison.configurations]
    body = render("comparison/settings", names=names, settings=comparison.settings)
    return Section(name="settings", title="What differs", body=body)


def method(given: PageInput) -> Section:
    """The tests and intervals with their sources, the command, and the versions."""
    comparison = given.comparison
    body = render(
        "comparison/method",
        pairs=len(comparison.pairs),
        seeds=any(row.accuracy.n > 1 for row in comparison.configurations),
        command=given.command,
        folders=[(row.name, row.folder) for row in comparison.runs],
        versions=list(given.versions.items()),
    )
    return Section(name="method", title="How it was compared", body=body)
