"""Patterns that read the class from a file name: `{label}.{number}.jpg`."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from nunbit.data.sources.patterns.bounded_matching import match_all
from nunbit.errors import ConfigError
from nunbit.suggest import suggest

FIELDS: dict[str, str] = {
    "label": r"(?P<label>[^/]+?)",
    "number": r"[0-9]+",
    "group": r"(?P<group>[^/]+?)",
    "any": r"[^/]*?",
    "...": r"[^/]*?",
}
"""Each field takes as little as the rest of the pattern allows, and never a slash."""

REMEDY = (
    "write the file name with {label} where the class is; {number}, {group} and {any} stand "
    "for what varies, e.g. '{label}.{number}.jpg'"
)


@dataclass(frozen=True, kw_only=True)
class NamePattern:
    """A compiled pattern."""

    text: str
    expression: re.Pattern[str]

    @property
    def on_path(self) -> bool:
        """True if it is matched against the whole relative path instead of the file's name."""
        return "/" in self.text

    @property
    def has_group(self) -> bool:
        """True if it names a group."""
        return "group" in self.expression.groupindex

    def match(self, path: str) -> tuple[str, str] | None:
        """(label, group) read from a relative path; None where it does not fit."""
        return self.match_all([path])[0]

    def match_all(self, paths: Sequence[str]) -> list[tuple[str, str] | None]:
        """The same for many paths. Raises ConfigError where the pattern takes too long."""
        subjects = [path if self.on_path else PurePosixPath(path).name for path in paths]
        found = match_all(self.expression, subjects, how="fullmatch", written=self.text)
        read = [None if match is None else match[1] for match in found]
        return [
            None
            if groups is None or not (groups["label"] or "").strip()
            else (groups["label"] or "", groups.get("group") or "")
            for groups in read
        ]


def compile_pattern(text: str) -> NamePattern:
    """The compiled pattern; letters outside the fields match in upper and lower case.

    Raises ConfigError for an unknown or repeated field, for one without {label} and for two
    neighbours that nothing tells apart.
    """
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ConfigError(f"the pattern '{text}' is not closed: {error}", remedy=REMEDY) from error
    seen: list[str] = []
    expression = ""
    for literal, name, spec, conversion in pieces:
        expression += re.escape(literal)
        if name is None:
            continue
        _check_field(text, name, seen, modified=bool(spec or conversion))
        if seen and not literal and "number" not in (seen[-1], name):
            raise ConfigError(
                f"nothing in the pattern '{text}' tells where {{{seen[-1]}}} ends and {{{name}}} "
                "begins",
                remedy=REMEDY,
            )
        seen.append(name)
        expression += FIELDS[name]
    if "label" not in seen:
        raise ConfigError(f"the pattern '{text}' has no {{label}}", remedy=REMEDY)
    return NamePattern(
        text=text, expression=re.compile(expression, flags=re.IGNORECASE | re.DOTALL)
    )


def _check_field(text: str, name: str, seen: list[str], *, modified: bool) -> None:
    if name not in FIELDS or modified:
        raise ConfigError(
            f"the pattern '{text}' has an unknown field: {{{name}}}",
            remedy=suggest(name, FIELDS, form="{{{}}}") or REMEDY,
        )
    if name in seen and name in ("label", "group"):
        raise ConfigError(f"the pattern '{text}' has {{{name}}} twice", remedy=REMEDY)


_CANDIDATES = tuple(
    f"{head}{ending}"
    for head in (
        "{label}.{number}",
        "{label}_{number}",
        "{label}-{number}",
        "{number}_{label}",
        "{number}-{label}",
        "{number}.{label}",
        "{label}{number}",
        "{label}_{any}",
        "{label}-{any}",
    )
    for ending in (".jpg", ".jpeg", ".png", ".{any}")
)


def suggest_pattern(names: Sequence[str]) -> tuple[str, str, str]:
    """(pattern, an example from the names, its label) of the pattern that fits most names.

    The label is '' where no pattern fits.
    """
    sample = [name for name in names if "." in name.strip(".")][:1000]
    best = ("{label}.{number}.jpg", "", "")
    most = 0
    for candidate in _CANDIDATES:
        # Our own patterns have at most two fields, so that none of them takes long.
        fits = compile_pattern(candidate).expression.fullmatch
        fitting = [
            (name, match["label"])
            for name in sample
            if (match := fits(PurePosixPath(name).name)) and match["label"].strip()
        ]
        labels = {label for _, label in fitting if not label[0].isdigit()}
        # A pattern that gives every file its own class, or all the same one, explains nothing.
        if len(fitting) > most and 2 <= len(labels) <= max(2, len(fitting) // 2):
            best, most = (candidate, *fitting[0]), len(fitting)
    return best
