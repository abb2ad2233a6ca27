"""Groups that must stay whole, found by a regular expression in the relative path."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nunbit.data.sources.patterns.bounded_matching import match_all
from nunbit.errors import ConfigError
from nunbit.formatting import count, examples, quoted


def compile_group_pattern(pattern: str) -> re.Pattern[str]:
    """The compiled expression; ConfigError unless it has one capture group or one named `group`."""
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(
            f"the group pattern '{quoted(pattern)}' is not a regular expression: {quoted(error)}",
            remedy=r"give one with a capture group, such as '(patient\d+)'",
        ) from error
    if "group" not in compiled.groupindex and compiled.groups != 1:
        raise ConfigError(
            f"the group pattern '{pattern}' has {compiled.groups} capture groups, not one",
            remedy=r"put one pair of parentheses around what names the group, such as "
            r"'(patient\d+)', or name it: '(?P<group>...)'",
        )
    return compiled


def groups_from_paths(paths: Sequence[str], pattern: str) -> tuple[tuple[str, ...], list[str]]:
    """[N] group of each path, '' where the pattern is not found, and remarks.

    Raises ConfigError for a pattern that is wrong or that is found in no path at all.
    """
    compiled = compile_group_pattern(pattern)
    at = compiled.groupindex.get("group", 1) - 1
    matches = match_all(compiled, paths, how="search", written=pattern)
    groups = tuple((match[0][at] or "") if match else "" for match in matches)
    without = [path for path, group in zip(paths, groups, strict=True) if not group]
    if len(without) == len(paths):
        raise ConfigError(
            f"the group pattern '{pattern}' is found in none of the paths, "
            f"e.g. {examples(without, max_shown=2)}",
            remedy="it is searched in the path relative to the data, with forward slashes",
        )
    if not without:
        return groups, []
    number = count(len(without), "path has", "paths have")
    return groups, [f"{number} no group by '{pattern}', e.g. {examples(without)}"]
