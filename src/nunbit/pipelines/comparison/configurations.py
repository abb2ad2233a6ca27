"""Runs of one configuration: those that differ in nothing but their seed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nunbit.config import Config
from nunbit.pipelines.recorded_run import RecordedRun

NUMBER_AT_END = re.compile(r"[-_. ]*(seed)?[-_. ]*\d+$")
WITHOUT_EFFECT = {
    "seed",
    "device",
    "data.manifest",
    "pixels.ram_budget_bytes",
    "pixels.disk_budget_bytes",
    "pixels.workers",
}
"""Settings in which runs of one configuration may differ: the seed, what only costs time or memory,
and the file of the parts, which are compared by themselves."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One configuration and its runs, in the order given."""

    name: str
    runs: tuple[RecordedRun, ...]
    settings: Mapping[str, Any]
    """Settings by dotted key, without those that have no effect; empty where they are not known."""

    @property
    def has_spread(self) -> bool:
        """True if there are several runs, all with seeds of their own."""
        return len(self.runs) > 1


def group_by_configuration(runs: Sequence[RecordedRun]) -> tuple[Configuration, ...]:
    """The configurations in the order in which their first runs were given.

    A run whose settings are not known, and one that repeats the seed of an earlier run of the same
    configuration, is a configuration of its own: it says nothing about the spread over seeds.
    """
    groups: list[tuple[dict[str, Any], list[RecordedRun]]] = []
    for run in runs:
        settings = {} if run.config is None else _effective(run.config)
        for known, members in groups:
            if settings and known == settings and all(run.seed != m.seed for m in members):
                members.append(run)
                break
        else:
            groups.append((settings, [run]))
    names = _names([[run.name for run in members] for _, members in groups])
    return tuple(
        Configuration(name=name, runs=tuple(members), settings=settings)
        for name, (settings, members) in zip(names, groups, strict=True)
    )


def differing_settings(
    configurations: Sequence[Configuration],
) -> list[tuple[str, tuple[str, ...]]]:
    """Keys in which they differ, and the value of each as text, '' where it does not say."""
    known = [c.settings for c in configurations if c.settings]
    keys = dict.fromkeys(key for settings in known for key in settings)
    differing = [key for key in keys if any(s.get(key) != known[0].get(key) for s in known)]
    return [(key, tuple(_spoken(c.settings.get(key)) for c in configurations)) for key in differing]


def _effective(config: Config) -> dict[str, Any]:
    leaves = dict(_leaves(config.model_dump(mode="json", exclude_none=True)))
    return {key: value for key, value in leaves.items() if key not in WITHOUT_EFFECT}


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _names(groups: Sequence[Sequence[str]]) -> list[str]:
    """A short name for each group of runs: theirs without the number at the end, if unique."""
    taken = {name for group in groups for name in group}
    found: list[str] = []
    for group in groups:
        beginnings = {NUMBER_AT_END.sub("", name) for name in group}
        name = group[0] if len(group) == 1 else beginnings.pop()
        if len(group) > 1 and (beginnings or not name or name in taken):
            name = f"{group[0]} and {len(group) - 1} more"
        taken.add(name)
        found.append(name)
    return found


def _spoken(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
